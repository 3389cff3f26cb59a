"""What a quality standard can check without a person: one function per rule, a record in, its fault or None out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from tuneloop.records import Record, Turn
from tuneloop.text.mojibake import is_lost
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.text.personal import Finder

Rule = Callable[[Record], Words | None]

EMPTY = Words("an empty text", "有空文本")
DAMAGED = Words("damaged characters", "有乱码")
ORDER = Words("roles that do not take turns", "角色顺序不对")
NO_ANSWER = Words("no answer at the end", "结尾没有回答")
NO_CLASS = Words("no class", "没有类别")
SAME = Words("both answers are the same", "两个回答相同")
PERSONAL = Words("personal data", "含有个人信息")
_FOLLOWS = {
    ("user", "assistant"),
    ("assistant", "user"),
    ("assistant", "tool"),
    ("tool", "tool"),
    ("tool", "assistant"),
}


def well_formed(record: Record) -> Words | None:
    """Texts are there and whole; turns go user, assistant, user, …, with calls of tools between, and end in an answer.

    A message may be empty where it calls a tool or holds a picture.
    """
    if any(is_lost(text) or "\ufffd" in text for text in (record.text or "", *(one.text for one in record.turns()))):
        return DAMAGED
    if record.kind == "text":
        return None if (record.text or "").strip() else EMPTY
    if record.kind == "label":
        whole = record.full_text.strip()
        return EMPTY if not whole else NO_CLASS if record.label in (None, "") else None
    if any(not turn.text.strip() and not turn.tool_calls and isinstance(turn.content, str) for turn in record.turns()):
        return EMPTY
    if record.kind == "preference":
        if not record.chosen or not record.rejected:
            return NO_ANSWER
        if [turn.payload() for turn in record.chosen] == [turn.payload() for turn in record.rejected]:
            return SAME
        return _turns(list(record.messages))
    return _turns(list(record.messages)) or (None if _ends(record) else NO_ANSWER)


def _ends(record: Record) -> bool:
    return bool(record.messages) and record.messages[-1].role == "assistant"


def _turns(turns: list[Turn]) -> Words | None:
    roles = [turn.role for turn in turns if turn.role not in ("system", "developer")]
    if roles[:1] not in ([], ["user"]):
        return ORDER
    return None if all(pair in _FOLLOWS for pair in pairwise(roles)) else ORDER


def no_personal_data(record: Record) -> Words | None:
    """Nothing that is personal by its form, at a confidence of 0.7 or more; names and addresses are not found."""
    finder = _finder()
    text = record.full_text
    return PERSONAL if finder.concerns(text) and finder.find(text) else None


@cache
def _finder() -> Finder:
    from tuneloop.text.personal import Finder

    return Finder(None, 0.7)


RULES: Mapping[str, Rule] = {"well_formed": well_formed, "no_personal_data": no_personal_data}
