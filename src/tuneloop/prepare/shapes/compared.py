"""Two answers side by side and a verdict which one is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.parting import pair, prompt_turns, two_answers
from tuneloop.prepare.shape import Field, Shape, fold
from tuneloop.prepare.values import optional_text, shown
from tuneloop.records import Record
from tuneloop.wording import Words

_A = frozenset({"a", "first", "left", "甲", "第一个"})
_B = frozenset({"b", "second", "right", "乙", "第二个"})
_TIES = frozenset({"both", "bothbad", "bothgood", "neither", "none", "draw", "equal", "same", "平局", "平手", "一样"})
_BEFORE = ("model", "response", "answer", "output", "conversation", "completion", "assistant", "humanref", "回答")
_VERDICTS = ("winner", "better_id", "a_is_better", "preference", "preference_strength")
_NUMBERS: Mapping[str, Mapping[float, str]] = {
    "better_id": {0: "a", 1: "b", -1: "tie"},
    "a_is_better": {1: "a", 0: "b"},
    "preference": {1: "a", 2: "b", 1.5: "tie", 0: "tie"},
}
"""What numbers mean in each kind of verdict: an index from 0, a yes or no, or a place from 1."""


class Compared(Shape):
    """A tie is no pair and is refused, as is a number whose meaning the column does not say."""

    title = Words("Two answers with a verdict", "两个回答与评判")
    help = Words(
        "response_0, response_1 and better_response_id (0 or 1); conversation_a, conversation_b and winner (model_a, "
        "model_b); human_ref_A, human_ref_B and labels (1: A is better); output_1, output_2 and preference (1 or 2); "
        "response1, response2 and overall_preference (under 0: the first). Ties are rejected by name.",
        "response_0、response_1 与 better_response_id（0 或 1）；conversation_a、conversation_b 与 winner"
        "（model_a、model_b）；human_ref_A、human_ref_B 与 labels（1 表示 A 更好）；output_1、output_2 与 preference"
        "（1 或 2）；response1、response2 与 overall_preference（小于 0 表示第一个更好）。平局会被退回并说明。",
    )
    fields = (
        Field(
            "answer_a",
            (
                "response_a",
                "conversation_a",
                "human_ref_A",
                "response_0",
                "output_1",
                "response_1",
                "answer_1",
                "回答A",
                "回答1",
                "回答一",
            ),
        ),
        Field(
            "answer_b",
            (
                "response_b",
                "conversation_b",
                "human_ref_B",
                "response_1",
                "output_2",
                "response_2",
                "answer_2",
                "回答B",
                "回答2",
                "回答二",
            ),
        ),
        Field("winner", ("胜者", "更好的回答"), required=False),
        Field("better_id", ("better_response_id",), required=False),
        Field("a_is_better", ("labels",), required=False),
        Field("preference", required=False),
        Field("preference_strength", ("overall_preference",), required=False),
        Field("prompt", ("question", "instruction", "query", "history", "context", "问题", "指令"), required=False),
        Field("input", ("输入",), required=False),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        return 0.99 if any(verdict in columns for verdict in _VERDICTS) else 0.5

    def find(self, sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The columns with one verdict; further ones, and an input without a prompt of text, are named as not used."""
        found = super().find(sample)
        if found and "a_is_better" in found and fold(found["answer_a"]) != "humanrefa":
            del found["a_is_better"]
        if not all(isinstance(row.get(found.get("prompt", "")), str) for row in sample):
            found.pop("input", None)
        given = [verdict for verdict in _VERDICTS if verdict in found]
        return {field: column for field, column in found.items() if field not in given[1:]}

    def record(self, values: Mapping[str, Any]) -> Record:
        fields = ("answer_a", "answer_b") if self._better(values) == "a" else ("answer_b", "answer_a")
        prompt = prompt_turns(values)
        chosen, rejected = two_answers(values, fields, prompt)
        return pair(
            prompt,
            chosen,
            rejected,
            fields=fields,
            system=optional_text(values, "system"),
            tools=read_tools(values),
        )

    def _better(self, values: Mapping[str, Any]) -> str:
        """`a` or `b`; raises `InputError` for a tie and for what cannot be understood."""
        field = next((verdict for verdict in _VERDICTS if values.get(verdict) not in (None, "")), None)
        if field is None:
            raise InputError(
                "found two answers and nothing that says which is better",
                expected=f"one of {', '.join(_VERDICTS)}",
                where=Where(field="answer_a"),
                do="Add a column winner (a or b), or say prepare.mapping: {prompt: COLUMN, chosen: COLUMN, rejected: "
                "COLUMN} where one column always holds the better",
            )
        said = _said(values[field], field)
        if said == "tie":
            raise InputError(
                f"found {shown(values[field])}: a tie is no preference pair",
                expected="one answer that is better",
                where=Where(field=field),
                do="Leave the record out, or let somebody decide",
            )
        if said not in ("a", "b"):
            raise InputError(
                f"found {shown(values[field])}, which may mean either answer",
                expected="a or b",
                where=Where(field=field),
                do="Say what the numbers mean by the field that the mapping gives the column: better_id (0 is the "
                "first, 1 the second), a_is_better (1 is the first, 0 the second), preference (1 is the first, 2 the "
                "second) or preference_strength (under 0 is the first, over 0 the second)",
            )
        return said


def _said(value: Any, field: str) -> str:
    """`a`, `b`, `tie`, or empty for what is not understood."""
    if isinstance(value, str) and not _is_number(value):
        word = fold(value)
        for start in _BEFORE:
            word = word.removeprefix(start)
        if word.startswith("tie") or word in _TIES:
            return "tie"
        return "a" if word in _A else "b" if word in _B else ""
    if field == "a_is_better" and isinstance(value, bool):
        return "a" if value else "b"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    number = float(value)
    if field == "preference_strength":
        return "a" if number < 0 else "b" if number > 0 else "tie" if number == 0 else ""
    return _NUMBERS.get(field, {}).get(number, "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
