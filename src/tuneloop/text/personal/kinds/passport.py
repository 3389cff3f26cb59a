"""Passports and travel permits: Chinese ones by their form, others after words that announce them."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_CHINESE = re.compile("[EeGgDdSsPpHhCcMmTtKkLl][0-9]{8}|[Ee][A-HJ-NP-Za-hj-np-z][0-9]{7}|[HhMm][0-9]{10}")


class Passport(PersonalKind):
    title = Words("Passport or travel permit", "护照与通行证号")
    help = Words(
        "Letters and digits after words such as 护照 or passport; the form alone is too little.",
        "前文有“护照”“通行证”或 passport 等字样的字母加数字；只有格式而无字样的不算。",
    )
    label = Words("PASSPORT", "护照号")
    words = ("护照", "護照", "通行证", "通行證", "回乡证", "台胞证", "passport", "travel document")
    hint = DIGITS
    digits = 6
    _announced = re.compile("|".join(words), re.IGNORECASE)
    pattern = re.compile(r"(?<![0-9A-Za-z])(?:[A-Za-z]{1,2}[0-9]{6,10}|[0-9]{8,9})(?![0-9A-Za-z])")

    def judge(self, candidate: Candidate) -> float:
        if candidate.is_other or not candidate.named(self._announced):
            return 0.0
        return 0.9 if _CHINESE.fullmatch(candidate.value) else 0.7

    def normal(self, value: str) -> str:
        return value.upper()
