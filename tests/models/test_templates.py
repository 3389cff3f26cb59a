"""Our rendering equals transformers' `apply_chat_template`, over templates that TRL ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.models.conversations import ALL, TOOLS, WITH_TOOLS
from tests.tiny import byte_tokenizer

from tuneloop.errors import InputError, ModelError, TuneloopError
from tuneloop.models.templates import ChatTemplate, as_message, template_of

FAMILIES = [
    "cohere2",
    "deepseek_r1_distill",
    "deepseekv3",
    "gemma",
    "gemma3",
    "gemma4",
    "glm4moe",
    "gptoss",
    "lfm2",
    "llama3",
    "llama3_2",
    "nemotron_3_nano",
    "phi3",
    "qwen2_5",
    "qwen3",
    "qwen3_8",
    "qwen3_training",
]
TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}


def shipped() -> list[Path]:
    import trl

    return [Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja" for name in FAMILIES]


@pytest.fixture(scope="module")
def theirs() -> object:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=byte_tokenizer(None).engine, **TOKENS)


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_equals_transformers(path: Path, theirs: object) -> None:
    source = path.read_text(encoding="utf-8")
    template = ChatTemplate(source, TOKENS)
    same = 0
    for name, turns in ALL.items():
        for tools in ((), TOOLS) if name in WITH_TOOLS else ((),):
            for prompt in (False, True):
                messages = [as_message(turn) for turn in turns]
                try:
                    expected = theirs.apply_chat_template(  # type: ignore[attr-defined]
                        messages,
                        tools=list(tools) or None,
                        chat_template=source,
                        add_generation_prompt=prompt,
                        tokenize=False,
                    )
                except Exception:  # noqa: BLE001 - whatever stops transformers must stop us with a sentence
                    with pytest.raises(TuneloopError):
                        template.render(turns, tools, add_generation_prompt=prompt)
                    continue
                assert template.render(turns, tools, add_generation_prompt=prompt) == expected, name
                same += 1
    assert same >= 8


def test_a_model_without_template_gets_plain_headings() -> None:
    template = template_of({}, {"eos_token": "</s>"})
    text = template.render(ALL["system"], add_generation_prompt=True)
    assert text == (
        "### system\nYou are kind.</s>\n\n### user\nHello</s>\n\n### assistant\nHi, there!</s>\n\n### assistant\n"
    )
    assert "no chat template" in template.why.en


def test_tool_template_is_taken_for_tools() -> None:
    templates = {"default": "plain", "tool_use": "tools"}
    assert template_of(templates, {}).source == "plain"
    assert template_of(templates, {}, tools=True).source == "tools"


@pytest.mark.parametrize(
    ("source", "kind", "found"),
    [
        (
            "{{ raise_exception('roles must alternate') }}",
            InputError,
            "refuses this conversation: roles must alternate",
        ),
        ("{% for m in messages %}{{ m.content }", ModelError, "has a mistake in line 1"),
        ("{{ messages.__class__.__mro__ }}", ModelError, "was stopped"),
        ("{{ messages[0].append(1) }}", InputError, "does not fit"),
        ("{{ messages[7].content }}", InputError, "does not fit this conversation"),
        ("{% set ns = namespace(__init__=1) %}", ModelError, "was stopped: it sets '__init__'"),
    ],
)
def test_bad_templates_are_sentences(source: str, kind: type[TuneloopError], found: str) -> None:
    with pytest.raises(kind, match=found):
        ChatTemplate(source).render(ALL["one turn"])


def test_templates_cannot_reach_the_machine() -> None:
    sneaky = "{{ cycler.__init__.__globals__.os.popen('id').read() }}"
    with pytest.raises(ModelError, match="was stopped"):
        ChatTemplate(sneaky).render(ALL["one turn"])
