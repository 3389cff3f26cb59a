"""Identity cards of Hong Kong, A123456(3), and of Taiwan, A123456789, both with their checksums."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile(
    "身份证|身份證|身分證|身分证|证件|證件|统一编号|統一編號|HKID|(?<![A-Za-z])ID(?![A-Za-z])|identity", re.IGNORECASE
)
_TAIWAN_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their codes 10-35


class IdHongKongTaiwan(PersonalKind):
    title = Words("Identity card of Hong Kong or Taiwan", "港澳台身份证号")
    help = Words(
        "A letter or two, six digits and the check digit, in brackets or not (Hong Kong); a letter and nine digits "
        "(Taiwan). The checksum lets a tenth of all such codes pass, so bare ones count for little without the words.",
        "香港：一至两个字母、六位数字加校验码（可带括号）；台湾：一个字母加九位数字。十分之一的同形编码也能通过校验，"
        "因此前文没有相应字样时把握较低。",
    )
    label = Words("ID-CARD", "身份证号")
    hint = DIGITS
    digits = 6
    pattern = re.compile(
        r"(?<![0-9A-Za-z])(?:[A-Za-z]{1,2}[0-9]{6}(?:\([0-9Aa]\)|[0-9Aa])|[A-Za-z][1289][0-9]{8})(?![0-9A-Za-z])"
    )

    def judge(self, candidate: Candidate) -> float:
        number = self.normal(candidate.value)
        right = _taiwan if len(number) == 10 and number[1:].isdigit() else _hong_kong
        if not right(number):
            return 0.0
        if candidate.named(_ANNOUNCED):
            return 0.9
        if candidate.is_other:
            return 0.3
        return 0.8 if "(" in candidate.value else 0.5

    def normal(self, value: str) -> str:
        return re.sub(r"[()]", "", value).upper()


def _hong_kong(number: str) -> bool:
    """Weights 9 to 2 over letters (A = 10; a missing one 36) and digits, plus the check digit (A = 10), modulo 11."""
    signs = number[:-1].rjust(8)
    values = [36 if sign == " " else int(sign, 36) for sign in signs]
    total = sum(weight * value for weight, value in zip(range(9, 1, -1), values, strict=True))
    return (total + int(number[-1], 11)) % 11 == 0


def _taiwan(number: str) -> bool:
    """The letter's code xy counts x + 9y, the digits 8 to 1 and the check digit 1; the sum ends in 0.

    The first digit is 1 or 2 for citizens, 8 or 9 for residents from abroad.
    """
    code = 10 + _TAIWAN_LETTERS.index(number[0])
    weights = (8, 7, 6, 5, 4, 3, 2, 1, 1)
    digits = sum(weight * int(digit) for weight, digit in zip(weights, number[1:], strict=True))
    return (code // 10 + code % 10 * 9 + digits) % 10 == 0
