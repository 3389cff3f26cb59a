"""Bank and credit card numbers: 12 to 19 digits, Luhn's checksum (ISO/IEC 7812) and an issuer's first digits.

A tenth of all numbers passes Luhn, so first digits must fit or words announce it; a Chinese card whose checksum is
wrong counts only right after words that announce it.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile(
    "卡号|卡號|银行卡|储蓄卡|信用卡|借记卡|账号|帐号|账户|尾号|card|account|visa|mastercard|credit", re.IGNORECASE
)
_ISSUERS = re.compile(
    "62[0-9]{14,17}|(?:60|68|69|9558|9843)[0-9]{12,17}"  # UnionPay and older Chinese cards
    "|4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[0-9]{15}|2[2-7][0-9]{14}"  # Visa, Mastercard and Maestro
    "|3[47][0-9]{13}|35[0-9]{14}|3(?:0|6|8)[0-9]{12}|6011[0-9]{12}|65[0-9]{14}|(?:5[0678]|6[0-9])[0-9]{10,17}"
)


class BankCard(PersonalKind):
    title = Words("Bank card", "银行卡号")
    help = Words(
        "12 to 19 digits, in groups or not, with Luhn's checksum, and first digits of a known issuer or words that "
        "announce a card.",
        "12 至 19 位数字（可分组），须通过 Luhn 校验，且卡头属于已知发卡机构或前文有“卡号”等字样。",
    )
    label = Words("BANK-CARD", "银行卡号")
    hint = DIGITS
    pattern = re.compile(
        r"(?<![0-9A-Za-z.])[1-69][0-9]{3}"
        r"(?:[0-9]{8,15}|(?:[ -][0-9]{4}){2,3}(?:[ -]?[0-9]{1,3})?|[ -][0-9]{6}[ -][0-9]{4,5})(?![0-9A-Za-z]|[.][0-9])"
    )

    def judge(self, candidate: Candidate) -> float:
        number = candidate.digits
        if not 12 <= len(number) <= 19 or candidate.in_url:
            return 0.0
        announced, issued = candidate.follows(_ANNOUNCED), _ISSUERS.fullmatch(number) is not None
        if luhn(number):
            return 0.95 if announced and issued else 0.7 * (announced or issued)
        return 0.6 if announced and number.startswith("62") and len(number) in (16, 19) else 0.0

    def normal(self, value: str) -> str:
        return re.sub("[^0-9]", "", value)


def luhn(number: str) -> bool:
    """Every second digit from the right doubled, its own digits added: the sum of all ends in 0."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0
