"""Alpaca rows: instruction, input and output, with an optional history of earlier turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.prepare.shape import REASONING, Field, Shape
from tuneloop.prepare.turns import history_turns
from tuneloop.prepare.values import optional_text, text_of, with_input
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Alpaca(Shape):
    """`instruction` and `input` become the question, `output` the answer."""

    title = Words("Alpaca", "Alpaca 格式")
    help = Words(
        "instruction, input (joined to it on a new line), output; also system, history ([[question, answer], …]) and "
        "reasoning.",
        "instruction、input（换行接在其后）、output；也支持 system、history（[[问, 答], …]）和 reasoning。",
    )
    fields = (
        Field("instruction", ("指令",)),
        Field("output", ("response", "输出")),
        Field("input", ("context", "输入"), required=False),
        Field("system", ("system_prompt",), required=False),
        Field("history", required=False),
        REASONING,
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        return 0.95

    def record(self, values: Mapping[str, Any]) -> Record:
        question = with_input(text_of(values, "instruction"), values)
        system = optional_text(values, "system")
        turns = [Turn("system", system)] if system and system.strip() else []
        turns += history_turns(values.get("history"))
        answer = Turn("assistant", text_of(values, "output"), reasoning=optional_text(values, "reasoning"))
        return Record("chat", messages=(*turns, Turn("user", question), answer))
