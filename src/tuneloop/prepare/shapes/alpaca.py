"""Alpaca rows: instruction, input and output, with an optional history of earlier turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.values import optional_text, shown, text_of, with_input
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Alpaca(Shape):
    """`instruction` and `input` become the question, `output` the answer."""

    title = Words("Alpaca", "Alpaca 格式")
    help = Words(
        "instruction, input (joined to it on a new line), output; also system and history ([[question, answer], …]).",
        "instruction、input（换行接在其后）、output；也支持 system 和 history（[[问, 答], …]）。",
    )
    fields = (
        Field("instruction", ("指令",)),
        Field("output", ("response", "输出")),
        Field("input", ("context", "输入"), required=False),
        Field("system", ("system_prompt",), required=False),
        Field("history", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        return 0.95

    def record(self, values: Mapping[str, Any]) -> Record:
        question = with_input(text_of(values, "instruction"), values)
        system = optional_text(values, "system")
        turns = [Turn("system", system)] if system and system.strip() else []
        turns += _history(values.get("history"))
        return Record("chat", messages=(*turns, Turn("user", question), Turn("assistant", text_of(values, "output"))))


def _history(value: Any) -> list[Turn]:
    if value in (None, "", []):
        return []
    pairs = value if isinstance(value, list) else None
    if pairs is None or not all(_is_pair(pair) for pair in pairs):
        raise InputError(
            f"found {shown(value)}", expected="a list of [question, answer] pairs", where=Where(field="history")
        )
    return [turn for asked, said in pairs for turn in (Turn("user", asked), Turn("assistant", said))]


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
