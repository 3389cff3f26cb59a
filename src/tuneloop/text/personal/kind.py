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
# Numbers that have a name of their own: an order, a parcel, a part.  Right before a number, they say what it is.
_OTHER = re.compile(
    "(?:版本|固件|订单|訂單|工单|单号|單號|编号|編號|流水|快递|运单|物流|包裹|发票|序列|型号|货号|批号|料号|零件|产品|书号|时间戳|(?<![A-Za-z])"
    "(?:ISBN|SKU|order|parcel|tracking|ticket|transaction|serial|model|part|version|invoice|catalog|batch|item|timestamp))"
    "(?:号码?|號碼?|编号|条码| ?(?:no|number|id|code)[.]?)?[^0-9A-Za-z，。,;；\n]{0,3}$",
    re.IGNORECASE,
)
_BREAK = re.compile("[。；;！？!?\n]|[0-9]{5}")
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

    def named(self, words: re.Pattern[str], within: int = 24) -> bool:
        """Do such words stand before it in its own sentence, with no other number between?"""
        before = self.text[max(0, self.start - within) : self.start].rstrip()
        end = max((match.end() for match in _BREAK.finditer(before)), default=0)
        return words.search(before, end) is not None

    @cached_property
    def is_other(self) -> bool:
        """Does the word right before it say that it is the number of an order, a parcel, a part?"""
        return _OTHER.search(self.text[max(0, self.start - 24) : self.start]) is not None

    @cached_property
    def in_url(self) -> bool:
        """Is it a part of an address, such as the number of an article, and no parameter that says otherwise?"""
        before = self.text[max(0, self.start - 300) : self.start]
        return _URL.search(before) is not None and not _PERSONAL_PARAMETER.search(before)


class PersonalKind(Member):
    """`label` names the kind in pseudonyms.

    `pattern` finds candidates; its group `value`, if it has one, leaves announcing words out.  It is only tried `reach`
    characters around what `hint`, a cheap pattern, finds; and in no text without one of the `words` (in small letters),
    with fewer than `digits` ASCII digits, or, if `beyond_ascii` says so, in pure ASCII.  A kind that is not `usual` is
    looked for only where it is named; what `recurs` is found again without its announcement.  Where `hint` is None, the
    pattern begins with one of the words, and is tried right there.
    """

    label: ClassVar[Words]
    pattern: ClassVar[re.Pattern[str]]
    hint: ClassVar[re.Pattern[str] | None]
    reach: ClassVar[int] = 32
    words: ClassVar[tuple[str, ...]] = ()
    digits: ClassVar[int] = 1
    beyond_ascii: ClassVar[bool] = False
    usual: ClassVar[bool] = True
    recurs: ClassVar[bool] = False

    def judge(self, candidate: Candidate) -> float:
        """How sure it is: 0 not at all; 0.5 by the words around it; 0.7 by its form; 0.9 by a checksum or both."""
        raise NotImplementedError(f"{type(self).__name__} must implement judge")

    def normal(self, value: str) -> str:
        """The same for all ways to write one value, so that it gets one pseudonym."""
        return value


DIGITS = re.compile("[0-9][0-9][ \n-]?[0-9]{4}")
"""The hint of most numbers: more than a year, a date or a time of day.  (Python looks for a first `[0-9]` twice as fast
as for `[0-9]{2}`.)"""

kinds = Registry("tuneloop.text.personal.kinds", PersonalKind)
