"""A conversation written as one text, `Human: …` and `Assistant: …` by turns, as hh-rlhf has it."""

from __future__ import annotations

import re

from tuneloop.records import Role, Turn

_SPEAKERS: dict[str, Role] = {
    **dict.fromkeys(("human", "user", "用户", "用戶"), "user"),
    **dict.fromkeys(("assistant", "助手"), "assistant"),
}
_LABEL = re.compile(rf"(?:\A|\n)[ \t]*({'|'.join(_SPEAKERS)})[ \t]*[:：]", re.IGNORECASE)


def turns_of_text(text: str) -> tuple[Turn, ...] | None:
    """Its turns; None for a text that does not begin with a labelled turn of the user and go on with the assistant's.

    A label counts at the beginning of a line only.  An empty turn at the end is a prompt's open place and left out.
    Not told apart: a turn that itself quotes such a label at the beginning of a line.
    """
    bare = text.lstrip()
    labels = list(_LABEL.finditer(bare)) if _LABEL.match(bare) else []
    if len(labels) < 2:
        return None
    ends = [label.start() for label in labels[1:]] + [len(bare)]
    turns = [
        Turn(_SPEAKERS[label[1].lower()], bare[label.end() : end].strip())
        for label, end in zip(labels, ends, strict=True)
    ]
    if turns[0].role != "user" or turns[1].role != "assistant":
        return None
    return tuple(turns if turns[-1].text else turns[:-1])
