"""Phone numbers of the world, checked by phonenumbers against each country's plan.

With + and country code anywhere; without, in the grouped forms of North America and Europe, or after words that
announce a phone.  Chinese numbers have kinds of their own.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile(
    "phone|mobile|cell|call|tel|fax|whatsapp|reach|text|messages? to|answering|(?:desk|office)\\W{0,3}$|电话|手机|联系",
    re.IGNORECASE,
)
# A service number, a date with or without a time.
_NONE = re.compile(
    "[48]00[ -]|(?:19|20)[0-9]{2}([-./]?)(?:0[1-9]|1[0-2])\\1[0-3][0-9](?:[0-9]{4,6})?(?![0-9])"
    "|[0-3][0-9][-./][0-3][0-9][-./](?:19|20)[0-9]{2}(?![0-9])"
)
_AFTER = re.compile("[- ]{1,2}(?:office|fax|mobile|cell|home|work)\\b", re.IGNORECASE)
_REGIONS = ("US", "GB", "AU", "DE", "FR", "IN")


class Phone(PersonalKind):
    title = Words("Phone number of another country", "国际电话号码")
    help = Words(
        "Numbers with + and country code, and grouped national ones that are valid somewhere; checked against each "
        "country's numbering plan.",
        "带 + 和国家代码的号码，以及按当地习惯分组书写的号码；均按各国号码规则校验。",
    )
    label = Words("PHONE", "电话")
    digits = 7
    hint = re.compile("[0-9](?:[ .()-]{0,3}[0-9]){6}")
    pattern = re.compile(
        r"(?<![0-9A-Za-z.=<>*/$€£¥+-])(?<![0-9],)(?:\+[0-9]{1,3}(?:[ .-]{0,2}(?:[0-9]{1,5}|\([0-9]{1,4}\))){2,7}"
        r"|(?:(?:\+[0-9]{1,3}|00[1-9][0-9]{0,2})[ .-]?)?(?:\([0-9]{1,5}\)|[0-9]{2,5})"
        r"(?:[ .-]{0,2}(?:[0-9]{2,5}|\([0-9]{1,4}\)[ .-]?[0-9]{1,4})){1,5})(?: ?(?:x|ext\.?) ?[0-9]{1,5})?"
        r"(?![0-9A-Za-z]|[.,:][0-9]|[ ]?[=*/+%$€£])"
    )
    _grouped = re.compile(
        r"\(?[2-9][0-9]{2}\)?[ .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4}|\(?0[0-9]{1,4}\)?(?:[ .-][0-9]{2,4}){2,4}"
    )

    def judge(self, candidate: Candidate) -> float:
        value = candidate.value.strip()
        if not 7 <= len(candidate.digits) <= 15 or candidate.is_other or candidate.in_url or _NONE.match(value):
            return 0.0
        if value.startswith(("+", "00")):
            valid = _valid(re.sub("^00", "+", value), None)
            return 0.9 if valid else 0.6 * value.startswith("+")
        announced = candidate.follows(_ANNOUNCED, 24) or _AFTER.match(candidate.text, candidate.end) is not None
        grouped = self._grouped.fullmatch(value) is not None
        if (announced or grouped) and any(_valid(value, region) for region in _REGIONS[: None if announced else 2]):
            return 0.85 if announced else 0.6
        return 0.6 if announced and (grouped or len(candidate.digits) >= 9) else 0.0

    def normal(self, value: str) -> str:
        return re.sub("[^0-9]", "", value.partition("x")[0])


def _valid(value: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value, region))
    except phonenumbers.NumberParseException:
        return False
