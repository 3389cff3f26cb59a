"""Prompt and completion, each a text or a list of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.shape import REASONING, Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import optional_text, text_of
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class PromptCompletion(Shape):
    """`prompt` and `completion`, each a text or messages."""

    title = Words("Prompt and completion", "提示与补全")
    help = Words(
        '{"prompt": …, "completion": …}; both may be lists of messages; reasoning of a completion that is a text.',
        '{"prompt": …, "completion": …}；两者也可以是消息列表；补全为文本时可带 reasoning。',
    )
    fields = (
        Field("prompt", ("提示词", "提示")),
        Field("completion", ("response", "chosen_response", "补全")),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
        REASONING,
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        return 0.93

    def record(self, values: Mapping[str, Any]) -> Record:
        system = optional_text(values, "system")
        turns = (Turn("system", system),) if system and system.strip() else ()
        answer = turns_of(values, "completion", "assistant")
        if (reasoning := optional_text(values, "reasoning")) is not None:
            answer = (_thought(answer[0], values, reasoning),)
        turns = (*turns, *turns_of(values, "prompt", "user"), *answer)
        check_order(turns, "completion")
        return Record("chat", messages=turns, tools=read_tools(values))


def turns_of(values: Mapping[str, Any], field: str, role: str) -> tuple[Turn, ...]:
    """A text as one turn of `role`, or the messages of a list."""
    if isinstance(values[field], list):
        return read_turns(values[field], field)
    return (Turn(role, text_of(values, field)),)  # type: ignore[arg-type]


def _thought(turn: Turn, values: Mapping[str, Any], reasoning: str) -> Turn:
    if isinstance(values["completion"], list):
        raise InputError(
            "found reasoning beside a completion of messages",
            expected="the reasoning in the message that it belongs to, as reasoning_content",
            where=Where(field="reasoning"),
            do="Move it there, or leave the column out by a mapping of prompt and completion alone",
        )
    return replace(turn, reasoning=reasoning)
