"""International bank account numbers (ISO 13616), with their checksum modulo 97."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words


class Iban(PersonalKind):
    title = Words("International bank account number", "国际银行账号（IBAN）")
    help = Words(
        "Country, two check digits and up to 30 signs; the checksum must hold.",
        "国家代码、两位校验码和最多 30 位字符，须通过校验。",
    )
    label = Words("IBAN", "IBAN")
    hint = DIGITS
    pattern = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?(?![0-9A-Za-z])")

    def judge(self, candidate: Candidate) -> float:
        number = self.normal(candidate.value)
        turned = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
        return 0.95 if 15 <= len(number) <= 34 and int(turned) % 97 == 1 else 0.0

    def normal(self, value: str) -> str:
        return value.replace(" ", "")
