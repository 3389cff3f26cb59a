"""Mobile numbers of the mainland of China: 11 digits from 13 to 19, perhaps grouped, perhaps with +86.

One of the segments that MIIT has given out counts by itself, others after words that announce a phone.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile("电话|電話|手机|手機|联系|致电|拨打|来电|号码|微信|vx|tel|phone|mobile|call", re.IGNORECASE)
_SEGMENTS = re.compile("1(?:3[0-9]|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])")


class Mobile(PersonalKind):
    title = Words("Chinese mobile number", "手机号")
    help = Words(
        "11 digits from 13 to 19, glued to Chinese or not, grouped or not, with or without +86.",
        "13 至 19 开头的 11 位号码；与汉字紧贴、带空格或横线、带 +86 的都能识别。",
    )
    label = Words("MOBILE", "手机号")
    hint = DIGITS
    digits = 6
    pattern = re.compile(
        r"(?:(?<![0-9A-Za-z.+])|(?<=[Tt]el)|(?<=TEL)|(?<=[VvWw][Xx]))"
        r"(?:\((?:\+|00)?86\) ?|(?:\+|00)?86[- ]?)?"
        r"1[3-9][0-9](?:[0-9]{8}|[ \n-][0-9]{4}[ \n-][0-9]{4})(?![0-9A-Za-z]|\.[0-9])"
    )

    def judge(self, candidate: Candidate) -> float:
        if candidate.in_url:
            return 0.3
        if candidate.follows(_ANNOUNCED) or not candidate.value.startswith("1"):
            return 0.95
        return 0.4 if candidate.is_other or not _SEGMENTS.match(candidate.digits) else 0.8

    def normal(self, value: str) -> str:
        return re.sub("[^0-9]", "", value)[-11:]
