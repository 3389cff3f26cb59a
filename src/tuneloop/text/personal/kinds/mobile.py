"""Mobile numbers of the mainland of China: 11 digits from 13 to 19, perhaps grouped, perhaps with +86."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile("电话|電話|手机|手機|联系|致电|拨打|来电|号码|微信|vx|tel|phone|mobile|call", re.IGNORECASE)
_OTHER_NUMBER = re.compile(
    "(?:订单|單|单号|编号|流水|快递|运单|物流|发票|序列|ISBN|order|no)[^\\s，。,]{0,4}$", re.IGNORECASE
)


class Mobile(PersonalKind):
    title = Words("Chinese mobile number", "手机号")
    help = Words(
        "11 digits from 13 to 19, glued to Chinese or not, grouped or not, with or without +86.",
        "13 至 19 开头的 11 位号码；与汉字紧贴、带空格或横线、带 +86 的都能识别。",
    )
    label = Words("MOBILE", "手机号")
    hint = DIGITS
    pattern = re.compile(
        r"(?:(?<![0-9A-Za-z.+])|(?<=[Tt]el)|(?<=TEL)|(?<=[VvWw][Xx]))"
        r"(?:(?:\+|00)?86[- ]?)?1[3-9][0-9](?:[0-9]{8}|([ -])[0-9]{4}\1[0-9]{4})(?![0-9A-Za-z]|\.[0-9])"
    )

    def judge(self, candidate: Candidate) -> float:
        if candidate.in_url:
            return 0.3
        if candidate.follows(_ANNOUNCED) or not candidate.value.startswith("1"):
            return 0.95
        return 0.4 if candidate.follows(_OTHER_NUMBER, 10) else 0.8

    def normal(self, value: str) -> str:
        return re.sub("[^0-9]", "", value)[-11:]
