"""International bank account numbers (ISO 13616): each country's length, and the checksum modulo 97."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

# SWIFT's register of national formats: the length by country.
_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_FORMS = "|".join(
    f"(?:{countries.replace(' ', '|')})[0-9]{{2}}(?:[ \\n-]?[0-9A-Z]){{{length - 4}}}"
    for length, countries in _LENGTHS.items()
)


class Iban(PersonalKind):
    title = Words("International bank account number", "国际银行账号（IBAN）")
    help = Words(
        "Country, two check digits and as many signs as the country has; the checksum must hold.",
        "国家代码、两位校验码和该国规定位数的字符，须通过校验。",
    )
    label = Words("IBAN", "IBAN")
    digits = 2
    hint = re.compile("[0-9][0-9](?<=[A-Za-z]{2}[0-9]{2})[ \n-]?[0-9A-Za-z]{2}")
    reach = 64
    pattern = re.compile(rf"(?<![0-9A-Za-z])(?=[A-Z]{{2}}[0-9]{{2}})(?:{_FORMS})(?![0-9A-Za-z])", re.IGNORECASE)

    def judge(self, candidate: Candidate) -> float:
        number = self.normal(candidate.value)
        turned = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
        return 0.95 if int(turned) % 97 == 1 else 0.0

    def normal(self, value: str) -> str:
        return re.sub("[ \n-]", "", value).upper()
