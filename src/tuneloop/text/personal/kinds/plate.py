"""Number plates of the mainland of China: province, letter and five signs (six for new-energy cars)."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"

_SIGN = "[A-HJ-NP-Za-hj-np-z]"


class Plate(PersonalKind):
    title = Words("Chinese number plate", "车牌号")
    help = Words(
        "Province, letter and five signs with at least two digits, six for new-energy cars, or ending in 挂学警港澳.",
        "省份简称、字母加五位（至少含两位数字），新能源车为六位，或以“挂学警港澳”结尾。",
    )
    label = Words("PLATE", "车牌号")
    beyond_ascii = True
    hint = re.compile(f"[{_PROVINCES}][A-Za-z]")
    pattern = re.compile(
        f"[{_PROVINCES}]{_SIGN}[ ·•-]?(?:(?:{_SIGN}|[0-9]){{5,6}}(?![A-Za-z0-9])|(?:{_SIGN}|[0-9]){{4}}[挂学警港澳])"
    )

    def judge(self, candidate: Candidate) -> float:
        return 0.9 if len(candidate.digits) >= 3 else 0.6 * (len(candidate.digits) == 2)

    def normal(self, value: str) -> str:
        return re.sub("[ ·•-]", "", value).upper()
