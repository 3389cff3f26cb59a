"""Answers with their reasoning written inline: <think>…</think> before what is said."""

from __future__ import annotations

import re
from typing import NamedTuple

_TAG = re.compile(r"</?(think|thought|thinking|reasoning)>", re.IGNORECASE)


class Thought(NamedTuple):
    """`thought` is None where there is none; `broken` where a tag is open, stray or twice."""

    thought: str | None
    said: str
    broken: bool = False


def split(answer: str) -> Thought:
    """What is thought and what is said. A thought stands first, between one opening and one closing tag of a name.

    Tags between backticks are spoken of and count for nothing.
    """
    tags = [found for found in _TAG.finditer(answer) if not _quoted(answer, found.start(), found.end())]
    if not tags:
        return Thought(None, answer)
    first, *rest = tags
    whole = len(rest) == 1 and not first[0].startswith("</") and rest[0][0].lower() == f"</{first[1].lower()}>"
    if not whole or answer[: first.start()].strip():
        return Thought(None, answer, broken=True)
    thought = answer[first.end() : rest[0].start()].strip()
    return Thought(thought or None, answer[rest[0].end() :].lstrip("\n").lstrip())


def _quoted(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] == "`" and text[end : end + 1] == "`"
