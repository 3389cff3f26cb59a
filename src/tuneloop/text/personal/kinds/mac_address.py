"""Hardware addresses of network cards, which follow a person's device."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words


class MacAddress(PersonalKind):
    title = Words("Hardware address", "MAC 地址")
    help = Words("Six pairs of hexadecimal digits with colons or hyphens.", "以冒号或横线分隔的六组十六进制数。")
    label = Words("MAC", "MAC地址")
    hint = re.compile("[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]")
    pattern = re.compile(
        r"(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Za-z:-])"
    )

    def judge(self, candidate: Candidate) -> float:
        return 0.0 if len(set(self.normal(candidate.value))) == 1 else 0.9

    def normal(self, value: str) -> str:
        return re.sub("[:-]", "", value).lower()
