"""Alpaca rows whose output is a list of two answers, the better first: LLaMA-Factory's older way of writing pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.parting import pair, prompt_turns
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import history_turns
from tuneloop.prepare.values import optional_text, shown
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class RankedOutputs(Shape):
    """The first of the two is the chosen one.

    Longer lists are refused: which pair is meant is not said.  Lists under other names, such as `answers`, are often
    several right answers and not taken for a ranking.
    """

    title = Words("Alpaca with two outputs", "带两个输出的 Alpaca 格式")
    help = Words(
        "instruction, input and output: [better, worse]; also system and history.",
        "instruction、input 和 output: [较好, 较差]；也支持 system 和 history。",
    )
    fields = (
        Field("instruction", ("指令",)),
        Field("output", ("输出",)),
        Field("input", ("context", "输入"), required=False),
        Field("system", ("system_prompt",), required=False),
        Field("history", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        outputs = [row.get(columns["output"]) for row in sample]
        return 0.97 * sum(_are_two(value) for value in outputs) / len(outputs)

    def record(self, values: Mapping[str, Any]) -> Record:
        answers = values["output"]
        if not _are_two(answers):
            raise InputError(
                f"found {shown(answers)}",
                expected="a list of two texts, the better answer first",
                where=Where(field="output"),
                do="Put rows with one answer into a file of their own; of more than two, choose a pair",
            )
        chosen, rejected = ((Turn("assistant", answer),) for answer in answers)
        prompt = (*history_turns(values.get("history")), *prompt_turns(values, "instruction"))
        fields = ("output[0]", "output[1]")
        return pair(prompt, chosen, rejected, fields=fields, system=optional_text(values, "system"))


def _are_two(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value)
