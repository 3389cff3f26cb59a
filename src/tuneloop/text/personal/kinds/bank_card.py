"""Bank and credit card numbers: 12 to 19 digits, Luhn's checksum (ISO/IEC 7812) and an issuer's first digits.

A tenth of all numbers passes Luhn, so first digits must fit or words announce it, and no word right before may say that
it is an order's number; a Chinese card whose checksum is wrong counts only right after words that announce it.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile(
    "卡号|卡號|银行卡|储蓄卡|信用卡|借记卡|账号|帐号|账户|尾号|(?<!identity )(?<!id )card|account|visa|mastercard"
    "|credit|(?<![A-Za-z])cc(?![A-Za-z])",
    re.IGNORECASE,
)
_ISSUERS = re.compile(
    "62[0-9]{14,17}|(?:9558|9843)[0-9]{12,15}"  # UnionPay and older Chinese cards
    "|4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}"  # Visa, Mastercard
    "|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard since 2016
    "|3[47][0-9]{13}|35(?:2[89]|[3-8][0-9])[0-9]{12}|3(?:0[0-5]|[68][0-9])[0-9]{11}"  # American Express, JCB, Diners
    "|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12}"  # Discover
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
    digits = 6
    pattern = re.compile(
        r"(?<![0-9A-Za-z.])[0-9]{4}"
        r"(?:[0-9]{8,15}|(?:[ \n-][0-9]{4}){2,3}(?:[ \n-]?[0-9]{1,3})?|[ -][0-9]{6}[ -][0-9]{4,5}"
        r"|[0-9]{2}[ -][0-9]{9,13})(?![0-9A-Za-z]|[.][0-9])"
    )

    def judge(self, candidate: Candidate) -> float:
        number = candidate.digits
        if not 12 <= len(number) <= 19 or candidate.value.count("\n") > 1 or candidate.in_url:
            return 0.0
        announced, issued = candidate.follows(_ANNOUNCED), _ISSUERS.fullmatch(number) is not None
        if luhn(number):
            if announced:
                return 0.95 if issued else 0.7
            return 0.7 * issued if not candidate.is_other else 0.0
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
