"""What is trained on: golden cases, and over all of TRL's templates the rule that it is the assistant's words alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.models.conversations import ALL, TOOLS, WITH_TOOLS
from tests.models.test_templates import TOKENS, shipped
from tests.tiny import byte_tokenizer
from tokenizers import AddedToken

from tuneloop.errors import InputError
from tuneloop.models.chat import encode_chat, encode_prompt, preview, render_spans
from tuneloop.models.packed import Packed
from tuneloop.models.templates import ChatTemplate, template_of
from tuneloop.models.tokenizer import Tokenizer
from tuneloop.records import Turn


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


def trained(turns: tuple[Turn, ...], tokenizer: Tokenizer, source: str | None = None, tools: tuple = ()) -> list[str]:
    """The trained texts, a turn each."""
    template = ChatTemplate(source, TOKENS) if source else template_of(tokenizer.templates, tokenizer.special)
    return [piece.text for piece in preview(turns, tools, tokenizer, template) if piece.weight > 0]


GOLDEN = {
    "one turn": ["它叫豆豆。<|im_end|>\n"],
    "system": ["Hi, there!<|im_end|>\n"],
    "three turns": ["二<|im_end|>\n", "四<|im_end|>\n", "六<|im_end|>\n"],
    "spaces": ["\n\n answer with edges  \n<|im_end|>\n", "end <|im_end|>\n"],
    "repeats": ["ok<|im_end|>\n", "ok<|im_end|>\n"],
    "weights": ["this<|im_end|>\n"],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_chatml(name: str, tokenizer: Tokenizer) -> None:
    assert trained(ALL[name], tokenizer) == GOLDEN[name]


FAMILIES = {
    ("qwen3", "reasoning"): ["2<|im_end|>\n", "<think>\nTwo and two.\n</think>\n\n4<|im_end|>\n"],
    ("qwen3", "three turns"): ["二<|im_end|>\n", "四<|im_end|>\n", "<think>\n\n</think>\n\n六<|im_end|>\n"],
    ("qwen2_5", "tool call"): [
        '<tool_call>\n{"name": "weather", "arguments": {"city": "上海"}}\n</tool_call><|im_end|>\n',
        "上海今天晴，25 度。<|im_end|>\n",
    ],
    ("llama3", "spaces"): ["answer with edges<|eot_id|>", "end<|eot_id|>"],
    ("gemma3", "three turns"): ["二<end_of_turn>\n", "四<end_of_turn>\n", "六<end_of_turn>\n"],
    ("deepseekv3", "one turn"): ["它叫豆豆。<｜end▁of▁sentence｜>"],
    ("deepseek_r1_distill", "inline reasoning"): ["\n\n2<｜end▁of▁sentence｜>", "\n\n4<｜end▁of▁sentence｜>"],
    ("phi3", "repeats"): ["ok<|end|>\n", "ok<|end|>\n<eos>"],
    ("cohere2", "weights"): ["this<|END_RESPONSE|><|END_OF_TURN_TOKEN|>"],
    # no end token of its own: the tokenizer's is put behind the last answer
    ("glm4moe", "one turn"): ["\n<think></think>\n它叫豆豆。<|im_end|>"],
}


def with_marks(path: Path) -> Tokenizer:
    """A tokenizer that knows the template's special tokens as single ones."""
    tokenizer = byte_tokenizer()
    marks = sorted(
        set(re.findall(r"<[|｜][^<>\n'\"]+?[|｜]>|<end_of_turn>|<start_of_turn>", path.read_text(encoding="utf-8")))
    )
    tokenizer.engine.add_special_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in [*marks, *TOKENS.values()]]
    )
    return tokenizer


@pytest.mark.parametrize(("family", "name"), FAMILIES)
def test_families(family: str, name: str) -> None:
    path = next(path for path in shipped() if path.stem == family)
    tools = TOOLS if name in WITH_TOOLS else ()
    assert trained(ALL[name], with_marks(path), path.read_text(encoding="utf-8"), tools) == FAMILIES[family, name]


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_no_template_trains_on_anything_but_the_assistant(path: Path) -> None:
    tokenizer, template = with_marks(path), ChatTemplate(path.read_text(encoding="utf-8"), TOKENS)
    proven = 0
    for name, turns in ALL.items():
        try:
            ids, mask = encode_chat(turns, TOOLS if name in WITH_TOOLS else (), tokenizer, template)
        except InputError:
            continue  # the template refuses the conversation, or cannot say all of it
        proven += 1
        text = tokenizer.decode([token for token, weight in zip(ids, mask, strict=True) if weight], skip_special=False)
        for turn in turns:
            words = turn.text.rpartition("</think>")[2].strip()
            if turn.role == "assistant" and turn.weight != 0:
                assert words in text, name
            elif turn.role in ("user", "tool", "system") and words not in "ok":
                assert words not in text, name
    assert proven >= 5


def test_the_prompt_is_what_precedes_the_first_trained_token(tokenizer: Tokenizer) -> None:
    template = template_of(tokenizer.templates, tokenizer.special)
    ids, mask = encode_chat(ALL["system"], (), tokenizer, template)
    prompt = encode_prompt(ALL["system"][:-1], (), tokenizer, template)
    assert ids[: len(prompt)] == prompt
    assert mask.index(1.0) == len(prompt)
    assert all(mask[len(prompt) :])


def test_a_turns_weight_reaches_the_loss(tokenizer: Tokenizer) -> None:
    template = template_of(tokenizer.templates, tokenizer.special)
    turns = (Turn("user", "a"), Turn("assistant", "b", weight=0.5))
    batch = Packed.of([encode_chat(turns, (), tokenizer, template)])
    assert set(batch.target_weights.tolist()) == {0.5}
    assert batch.target_ids.tolist() == tokenizer.encode("b<|im_end|>\n")


DROPS_WORDS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content[:3] }}<|im_end|>{% endfor %}"
DROPS_CALLS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"


@pytest.mark.parametrize(
    ("turns", "source", "found"),
    [
        (ALL["one turn"][:1], None, "has no assistant turn"),
        (ALL["system"], DROPS_WORDS, "leaves out or changes the words of message 3"),
        (ALL["tool call"], DROPS_CALLS, "leaves out the call of 'weather' in message 2"),
    ],
)
def test_what_cannot_be_proven_is_refused(
    turns: tuple[Turn, ...], source: str | None, found: str, tokenizer: Tokenizer
) -> None:
    with pytest.raises(InputError, match=found):
        trained(turns, tokenizer, source)


def test_generation_marks_are_without_effect(tokenizer: Tokenizer) -> None:
    """transformers' own mask spills to the end of the text with the trailing space of this template."""
    marked = (
        "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant\n"
        "{% generation %}{{ m.content }}<|im_end|> {% endgeneration %}\n"
        "{% else %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    texts = trained(ALL["three turns"], tokenizer, marked)
    assert [text.strip() for text in texts] == ["二<|im_end|>", "四<|im_end|>", "六<|im_end|>"]


def test_spans_cover_the_generated_text_only(tokenizer: Tokenizer) -> None:
    template = template_of(tokenizer.templates, tokenizer.special)
    text, spans = render_spans(ALL["repeats"], (), template)
    assert [text[span.start : span.end] for span in spans] == ["ok<|im_end|>\n"] * 2
    assert [span.turn for span in spans] == [1, 3]
