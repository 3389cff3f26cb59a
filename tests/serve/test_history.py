"""What a chat template would leave out is refused by its name; tokens are counted as they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.tiny import CHATML, byte_tokenizer

from tuneloop.models import load
from tuneloop.serve.answering import Answering
from tuneloop.serve.asking import Ask, Began, Ended, Failed, Piece, Told

CALLS = (
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}"
)
KNOWING = (
    "{% for m in messages %}{% if m.role != 'tool' %}<|im_start|>{{ m.role }}\n{{ m.content }}" + CALLS + "<|im_end|>\n"
    "{% endif %}{% endfor %}{% if enable_thinking is defined and enable_thinking %}<think>{% endif %}"
)
QUESTION: dict[str, Any] = {"role": "user", "content": "a?"}
CALLED: dict[str, Any] = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}],
}
FOUND: dict[str, Any] = {"role": "tool", "tool_call_id": "c1", "content": "blue"}


def answering(folder: Path, template: str | None) -> Answering:
    lm = load(folder, "float32")
    lm.tokenizer = byte_tokenizer(template)
    return Answering(lm, lm.engine())


@pytest.fixture(scope="module")
def plain(tiny_base: Path) -> Answering:
    return answering(tiny_base, CHATML)


@pytest.fixture(scope="module")
def knowing(tiny_base: Path) -> Answering:
    """Its template writes calls, asks for one variable, and leaves out what tools answered."""
    return answering(tiny_base, KNOWING)


def told(one: Answering, ask: Ask) -> list[Told]:
    found = [told for _, told in one.begin(ask)]
    while one.busy:
        found += [told for _, told in one.step()]
    return found


def chat(*messages: dict[str, Any], **more: Any) -> Ask:
    return Ask("chat", messages=list(messages), max_tokens=2, **more)


def test_calls_that_a_template_does_not_write_are_refused(plain: Answering, knowing: Answering) -> None:
    (failed,) = told(plain, chat(QUESTION, CALLED, {"role": "user", "content": "tuneloop?"}))
    assert isinstance(failed, Failed)
    assert (failed.status, failed.code, failed.param) == (400, "unsupported_parameter", "messages.1.tool_calls")
    assert "leaves out calls of tools" in failed.message
    assert isinstance(told(knowing, chat(QUESTION, CALLED, QUESTION))[0], Began)


def test_results_that_a_template_does_not_write_are_refused(plain: Answering, knowing: Answering) -> None:
    (failed,) = told(knowing, chat(QUESTION, CALLED, FOUND))
    assert isinstance(failed, Failed)
    assert (failed.code, failed.param) == ("unsupported_parameter", "messages.2.role")
    assert isinstance(told(plain, chat(QUESTION, FOUND))[0], Began)


def test_variables_that_a_template_does_not_ask_for_are_refused(plain: Answering, knowing: Answering) -> None:
    ask = chat(QUESTION, variables={"enable_thinking": True})
    (failed,) = told(plain, ask)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.param) == ("unsupported_parameter", "chat_template_kwargs.enable_thinking")
    with_it, without = (told(knowing, one)[0] for one in (ask, chat(QUESTION)))
    assert isinstance(with_it, Began)
    assert isinstance(without, Began)
    assert with_it.prompt_tokens[0] == without.prompt_tokens[0] + len("<think>")


def test_pieces_tell_every_token_that_was_written(plain: Answering) -> None:
    """Random bytes are seldom whole characters: they are held back, and counted with the piece that brings them."""
    ask = Ask("chat", messages=[QUESTION], max_tokens=60, min_tokens=60, seed=3, temperature=5.0)
    found = told(plain, ask)
    ended = found[-1]
    assert isinstance(ended, Ended)
    assert ended.tokens == 60
    pieces = [one for one in found if isinstance(one, Piece)]
    assert any(one.tokens > 1 for one in pieces)
    assert ended.tokens - 4 <= sum(one.tokens for one in pieces) <= ended.tokens
