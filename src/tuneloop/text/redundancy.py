"""How much of a text repeats itself.

Measured on characters and not on words, so that Chinese is treated as English is: the words of a Chinese sentence have
no spaces between them, and counts of repeated words (as in MassiveText, Rae et al. 2021, table A1) see one long word.
"""

from __future__ import annotations

import re
from collections import Counter

from tuneloop.text.code import without

PIECE = 8
_LONGEST = 50_000
_LETTER = re.compile(r"[^\W_]")
_LETTERS = 4


def distinct_share(text: str) -> float:
    """Different pieces of `PIECE` characters, as a share of all; white space plays no part. 1.0 for a short text.

    Of a text beyond 50,000 characters the beginning is measured.
    """
    solid = "".join(text[: 2 * _LONGEST].split())[:_LONGEST]
    total = len(solid) - PIECE + 1
    if total < 1:
        return 1.0
    return len({solid[start : start + PIECE] for start in range(total)}) / total


def repeated_lines(text: str) -> float:
    """The share of characters that stand in lines said before, the first time not counted.

    Code, and lines with fewer than four letters or digits (rules, brackets, blank lines), play no part.
    """
    lines = Counter(line.strip() for line in without(text).splitlines() if len(_LETTER.findall(line)) >= _LETTERS)
    total = sum(len(line) * count for line, count in lines.items())
    again = sum(len(line) * (count - 1) for line, count in lines.items())
    return again / total if total else 0.0
