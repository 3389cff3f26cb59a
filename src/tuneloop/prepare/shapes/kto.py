"""Single answers with a thumb up or down (KTO)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import history_turns, read_turns
from tuneloop.prepare.values import optional_text, shown, text_of, with_input
from tuneloop.records import Record, Turn
from tuneloop.wording import Words

_YES = frozenset({"true", "1", "yes", "good", "up", "like", "thumbs_up", "是", "好", "赞", "点赞", "讚", "點讚"})
_NO = frozenset({"false", "0", "-1", "no", "bad", "down", "dislike", "thumbs_down", "否", "差", "踩", "点踩", "點踩"})


class Kto(Shape):
    """An answer with a thumb; what counts as up and down is `_YES` and `_NO`."""

    title = Words("Rated answers", "带评价的回答")
    help = Words(
        "messages, or prompt and completion, with a label: true for a good answer, false for a bad one.",
        "messages，或 prompt 与 completion，加一个 label：true 为好回答，false 为差回答。",
    )
    fields = (
        Field("label", ("kto_tag", "thumb", "thumbs", "rating", "feedback", "评价", "点赞")),
        Field("messages", ("conversations", "conversation"), required=False),
        Field("prompt", ("question", "instruction", "问题"), required=False),
        Field("completion", ("response", "answer", "output", "回答", "答案"), required=False),
        Field("input", ("context", "输入"), required=False),
        Field("history", required=False),
        Field("system", ("system_prompt",), required=False),
        Field("tools", required=False),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        if "messages" not in columns and not {"prompt", "completion"} <= columns.keys():
            return 0.0
        thumbs = sum(_thumb(row.get(columns["label"])) is not None for row in sample)
        return 0.99 * (thumbs >= 0.9 * len(sample))

    def find(self, sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The columns; beside messages a prompt and a completion say nothing more and are named as not used."""
        found = super().find(sample)
        beside = ("prompt", "completion", "input", "history") if "messages" in found else ()
        return {field: column for field, column in found.items() if field not in beside}

    def record(self, values: Mapping[str, Any]) -> Record:
        good = _thumb(values["label"])
        if good is None:
            raise InputError(f"found {shown(values['label'])}", expected="true or false", where=Where(field="label"))
        field = "messages" if "messages" in values else "completion"
        turns = read_turns(values["messages"], "messages") if field == "messages" else _pair(values)
        system = optional_text(values, "system")
        if system and turns[0].role != "system":
            turns = (Turn("system", system), *turns)
        check_order(turns, field)
        if turns[-1].role != "assistant":
            raise InputError(
                f"the last turn is of the {turns[-1].role}",
                expected="the assistant's, which is rated",
                where=Where(field=field),
            )
        return Record("rating", messages=turns, label=good, tools=read_tools(values))


def _pair(values: Mapping[str, Any]) -> tuple[Turn, ...]:
    for field in ("prompt", "completion"):
        if field not in values:
            raise InputError(
                "found no such field", expected="a prompt and a completion, or messages", where=Where(field=field)
            )
    made = [*history_turns(values.get("history"))]
    for field, role in (("prompt", "user"), ("completion", "assistant")):
        value = values[field]
        if isinstance(value, list):
            made += read_turns(value, field)
        else:
            text = text_of(values, field)
            made.append(Turn("user", with_input(text, values)) if role == "user" else Turn("assistant", text))
    return tuple(made)


def _thumb(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | str):
        written = str(value).strip().lower()
        return True if written in _YES else False if written in _NO else None
    return None
