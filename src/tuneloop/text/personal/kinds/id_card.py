"""Resident identity cards of the mainland of China: 18 digits by GB 11643, and the older 15.

Cards of residents from Hong Kong, Macau and
Taiwan begin with 81 to 83; the permanent residence cards of foreigners since 2023 with 9, a province and the country of
origin (ISO 3166).  The last sign is ISO 7064 MOD 11-2 over the 17 before it; region and date of birth are checked too.
An 18-digit number with a wrong checksum counts only after words that announce it: people mistype, and order numbers
look alike.
"""

from __future__ import annotations

import datetime
import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_PROVINCES = frozenset(
    {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83}
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ANNOUNCED = re.compile(
    "身份证|身份證|身份號|身份号|证件|身分證|公民身份|(?<![A-Za-z])ID(?![A-Za-z])|identity", re.IGNORECASE
)


class IdCard(PersonalKind):
    title = Words("Chinese identity card", "居民身份证号")
    help = Words(
        "18 digits with checksum, region and date checked; 15 digits after words that announce them.",
        "18 位：校验码、地区码和出生日期均须合法；15 位旧号：前文须有“身份证”等字样。",
    )
    label = Words("ID-CARD", "身份证号")
    hint = DIGITS
    digits = 6
    pattern = re.compile(
        r"(?<![0-9A-Za-z])[1-9][0-9]{5}[ -]?(?:(?:18|19|20)[0-9]{6}[ -]?[0-9]{3}[ -]?[0-9Xx]|[0-9]{6}[ -]?[0-9]{3})"
        r"(?![0-9A-Za-z])"
    )

    def judge(self, candidate: Candidate) -> float:
        number = self.normal(candidate.value)
        province = number[1:3] if len(number) == 18 and number[0] == "9" else number[:2]
        if int(province) not in _PROVINCES or not _is_date(number[6:-4] if len(number) == 18 else "19" + number[6:12]):
            return 0.0
        announced = candidate.follows(_ANNOUNCED, 24)
        if len(number) == 18:
            return 0.95 if checksum(number[:17]) == number[17] else 0.6 * announced
        return 0.9 * announced

    def normal(self, value: str) -> str:
        return re.sub("[ -]", "", value).upper()


def checksum(digits: str) -> str:
    """The check sign of 17 digits: 0-9 or X (ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True))
    return "10X98765432"[total % 11]


def _is_date(digits: str) -> bool:
    try:
        datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return True
