"""Cutting a text that is too long: after a line, else after a sentence, else anywhere."""

from __future__ import annotations

import re

_CUT_AFTER = re.compile(r"(?<=[。！？；…\n])|(?<=[.!?;])\s")


def cut(text: str, limit: int) -> list[str]:
    """Pieces of at most `limit` characters, none of them under half of it but the last."""
    made: list[str] = []
    while len(text) > limit:
        ends = [match.end() for match in _CUT_AFTER.finditer(text, limit // 2, limit)]
        lines_end = text.rfind("\n", limit // 2, limit) + 1
        end = lines_end or (ends[-1] if ends else limit)
        made.append(text[:end].strip())
        text = text[end:].lstrip()
    return [piece for piece in [*made, text] if piece]
