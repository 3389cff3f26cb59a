"""The numbers that a text holds, for telling texts apart that differ in nothing else.

Two shops' opening hours and two phones' prices share nearly all their characters and say different things.  Not
covered: numbers in Chinese characters and in words, and texts of which one has a number more.
"""

from __future__ import annotations

import re
import unicodedata

SHORT_ENOUGH = 200
"""Characters up to which a number makes the difference; longer texts are versions of one another."""
_NUMBER = re.compile(r"\d+(?:[.,:：．，]\d+)*")


def figures(text: str) -> tuple[str, ...]:
    """The numbers in order, full-width ones as plain ones, without commas between thousands."""
    found = _NUMBER.findall(text)
    return tuple(unicodedata.normalize("NFKC", one).replace(",", "") for one in found) if found else ()
