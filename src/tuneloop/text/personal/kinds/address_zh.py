"""Chinese addresses: after words that announce one, or from a known place, road or district down to a number.

What is found ends at the last number with its unit (号, 栋, 单元, 室); an announced one at the end of its clause.
Without a number only what follows 地址 or 住址 counts.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.text.personal.places import CITIES, PROVINCES
from tuneloop.wording import Words

_HAN = "[\u4e00-\u9fff]"
_PLACE = "(?:" + "|".join(sorted((*PROVINCES, *CITIES), key=len, reverse=True)) + ")"
_NUMBER = r"(?<![月第])(?:[甲乙丙]?[0-9]{1,5}(?:-[0-9]{1,5}){0,2}|[A-Za-z]|[一二三四五六七八九十百]{1,4})"
_UNIT = f"{_NUMBER}(?:号(?:楼|院)?(?!线|[店机])|栋|幢|座|弄|组|单元|室|层)"
_FURTHER = f"(?:{_HAN}{{0,10}}?{_UNIT}){{0,6}}(?:[0-9]{{2,4}}(?![0-9A-Za-z年月日元个人米]))?"
_FROM_PLACE = f"{_PLACE}(?:{_HAN}|[0-9A-Za-z· ]){{2,24}}?{_UNIT}{_FURTHER}"
_FROM_ROAD = (
    f"(?:(?<!{_HAN})|(?<=[在到去住于是从往寄送址]))(?:{_HAN}{{2,4}}?[区县镇])?{_HAN}{{2,8}}?"
    f"(?:路|街|大道|巷|胡同|弄)(?:[东南西北中]段)?{_UNIT}{_FURTHER}"
)
_FREE = r"(?:(?![的了吗呢吧您请我你他她它很要和])[\u4e00-\u9fff0-9A-Za-z()·#/、 -]){4,48}"
_WORDS = "地址|住址|家住|住在|位于|坐落|寄到|送到|寄往|送往|发往|户籍"
_ANNOUNCED = re.compile(f"(?:{_WORDS})(?:是|为|在|于|就)*[: ]{{0,3}}$")
_BY_NAME = re.compile("(?:地址|住址|户籍)(?:是|为|在|于|就)*[: ]{0,3}$")
_STREET = re.compile("路|街|大道|巷|胡同|弄|村|镇|乡|小区|花园|家园|苑|大厦|公寓|广场|中心|里|[区县]|沿|桥|园")
_NUMBERED = re.compile(_UNIT)
_NONE = re.compile("[0-9]+月|公里|小时|分钟|号线")


class AddressZh(PersonalKind):
    title = Words("Address in Chinese", "中文地址")
    help = Words(
        "After words such as 地址, 住在, 位于, or from a province, city or road down to a number with 号, 栋, 单元 "
        "or 室.",
        "“地址”“住在”“位于”等字样之后的地址，以及从省、市或道路写到门牌号（号、栋、单元、室）的地址。",
    )
    label = Words("ADDRESS", "地址")
    words = (*_WORDS.split("|"), "号", "栋", "幢", "座", "单元", "室", "弄", "组")
    hint = re.compile(f"{_WORDS}|[0-9A-Za-z一二三四五六七八九十](?:号|栋|幢|座|单元|室|弄|组)")
    reach = 48
    digits = 0
    beyond_ascii = True
    pattern = re.compile(
        f"((?:{_WORDS})(?:是|为|在|于|就)*[: ]{{0,3}})?"
        f"(?P<value>(?(1)(?:{_FROM_PLACE}|{_FREE})|(?:{_FROM_PLACE}|{_FROM_ROAD})))"
    )

    def judge(self, candidate: Candidate) -> float:
        value = candidate.value
        if not _STREET.search(value) or _NONE.search(value):
            return 0.0
        numbered = _NUMBERED.search(value) is not None
        if candidate.follows(_ANNOUNCED, 12):
            return 0.9 if numbered else 0.6 * candidate.follows(_BY_NAME, 12)  # 住在深山农村 is no address
        return 0.7 if numbered else 0.0

    def normal(self, value: str) -> str:
        return re.sub(r"\s", "", value)
