"""Hardware addresses of network cards, which follow a person's device."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words


class MacAddress(PersonalKind):
    title = Words("Hardware address", "MAC 地址")
    help = Words(
        "Six pairs of hexadecimal digits with colons or hyphens, or three groups of four with dots.",
        "以冒号或横线分隔的六组十六进制数，或以点分隔的三组。",
    )
    label = Words("MAC", "MAC地址")
    hint = re.compile("[:.-][0-9A-Fa-f]{2,4}[:.-][0-9A-Fa-f]")
    pattern = re.compile(
        r"(?<![0-9A-Za-z-])(?<![0-9A-Fa-f]:)[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Za-z:-])"
        r"|(?<![0-9A-Za-z.])(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}(?![0-9A-Za-z]|\.[0-9A-Fa-f])"
    )

    def judge(self, candidate: Candidate) -> float:
        number = self.normal(candidate.value)
        if len(set(number)) == 1 or ("." in candidate.value and (number.isdigit() or number.isalpha())):
            return 0.0  # 0000.0000.0000; 1234.5678.9012 and face.deaf.beef are no hardware
        return 0.9

    def normal(self, value: str) -> str:
        return re.sub("[:.-]", "", value).lower()
