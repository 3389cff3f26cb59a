"""The contract of one kind of personal data: a pattern, and a judgement of each match.

Patterns see the text with full-width letters and digits made plain, at the same places.  They must use look-arounds for
ASCII letters and digits and never `\\b`: Python sees no word boundary between a Chinese character and a digit, so
`\\b1[3-9]` misses 手机号13812345678请联系.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\"'<>]*$")
_PERSONAL_PARAMETER = re.compile(r"(?:phone|mobile|tel|card|idcard|id_card|email|ip)=\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A match of a kind's pattern: `text[start:end]`."""

    text: str
    start: int
    end: int

    @cached_property
    def value(self) -> str:
        return self.text[self.start : self.end]

    @cached_property
    def digits(self) -> str:
        return "".join(sign for sign in self.value if sign.isdigit())

    def follows(self, words: re.Pattern[str], within: int = 16) -> bool:
        """Do such words stand in the characters before it?"""
        return words.search(self.text, max(0, self.start - within), self.start) is not None

    @cached_property
    def in_url(self) -> bool:
        """Is it a part of an address, such as the number of an article, and no parameter that says otherwise?"""
        before = self.text[max(0, self.start - 300) : self.start]
        return _URL.search(before) is not None and not _PERSONAL_PARAMETER.search(before)


class PersonalKind(Member):
    """`label` names the kind in pseudonyms.

    `pattern` finds candidates; its group `value`, if it has one, leaves announcing words out.  It is only tried `reach`
    characters around what `hint`, a cheap pattern, finds; and in no text without one of the `words` (in small letters).
    """

    label: ClassVar[Words]
    pattern: ClassVar[re.Pattern[str]]
    hint: ClassVar[re.Pattern[str]]
    reach: ClassVar[int] = 64
    words: ClassVar[tuple[str, ...]] = ()

    def judge(self, candidate: Candidate) -> float:
        """How sure it is: 0 not at all; 0.5 by the words around it; 0.7 by its form; 0.9 by a checksum or both."""
        raise NotImplementedError(f"{type(self).__name__} must implement judge")

    def normal(self, value: str) -> str:
        """The same for all ways to write one value, so that it gets one pseudonym."""
        return value


DIGITS = re.compile("[0-9]{4}")
"""The hint of most numbers."""

kinds = Registry("tuneloop.text.personal.kinds", PersonalKind)
