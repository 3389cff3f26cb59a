"""Landline numbers of the mainland of China: area code and 7 or 8 digits, perhaps an extension.

Service numbers (400, 800, 95xxx, 110) belong to nobody in person and are left alone.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile("电话|電話|座机|传真|傳真|热线|致电|拨打|联系|总机|前台|tel|fax|phone", re.IGNORECASE)
# MIIT's area codes.
_REGION = (
    "10|2[0-57-9]|3(?:1[0-9]|35|49|5[0-9]|7[0-79]|9[1-68])|4(?:1[0-9]|2[179]|3[1-9]|5[1-9]|6[4789]|7[0-9]|8[23])"
    "|5(?:1[0-9]|2[37]|3[0-9]|4[36]|5[0-9]|6[1-46]|7[0-9]|80|9[1-9])|6(?:3[1-5]|6[0238]|9[12])"
    "|7(?:01|1[0-9]|2[248]|3[0-9]|4[3-6]|5[0-9]|6[023689]|7[0-9]|9[0-9])"
    "|8(?:1[236-8]|2[5-7]|3[0-9]|5[1-9]|7[0-9]|8[1367]|9[1-8])|9(?:0[1-3689]|1[1-9]|3[0-8]|4[13]|5[1-5]|7[0-7]|9[0-9])"
)
_AREA = f"0(?:{_REGION})"


class Landline(PersonalKind):
    title = Words("Chinese landline number", "固定电话")
    help = Words(
        "Area code and 7 or 8 digits, with a hyphen or brackets between, or after words such as 电话; a number without "
        "area code only after such words.",
        "区号加 7 至 8 位号码，中间有横线或括号，或前文有“电话”等字样；无区号的号码仅在有此类字样时识别。",
    )
    label = Words("PHONE", "电话")
    hint = DIGITS
    digits = 6
    pattern = re.compile(
        r"(?<![0-9A-Za-z.])(?<![0-9]-)(?:\+86[- ]?(?:" + _REGION + r")[- ]{0,2}|(?:\+?86[- ]?)?"
        r"(?:\(" + _AREA + r"\) ?|" + _AREA + r"[- ]{0,2})?)[2-8][0-9]{2,3}[- ]?[0-9]{4}"
        r"(?:(?:-| ?转| ?轉| ?ext\.?) ?[0-9]{1,5})?(?![0-9A-Za-z]|[.-][0-9])"
    )
    _with_area = re.compile(r"\(?(?:\+?86[- ]?)?\(?" + _AREA + r"[) -]")
    _glued_area = re.compile(_AREA + "[2-8][0-9]{6,7}")

    def judge(self, candidate: Candidate) -> float:
        if candidate.in_url:
            return 0.0
        announced = candidate.follows(_ANNOUNCED, 12)
        if candidate.value.startswith("+"):
            return 0.95
        if self._with_area.match(candidate.value):
            return 0.95 if announced else 0.4 if candidate.is_other else 0.75
        if self._glued_area.match(candidate.value):
            return 0.8 if announced else 0.3 if candidate.is_other else 0.5
        return 0.6 if announced and len(candidate.digits) >= 7 else 0.0

    def normal(self, value: str) -> str:
        return re.sub("[^0-9]", "", value)
