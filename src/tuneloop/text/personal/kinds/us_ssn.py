"""Social security numbers of the United States: 123-45-6789, without the areas that are never given out."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import DIGITS, Candidate, PersonalKind
from tuneloop.wording import Words

_ANNOUNCED = re.compile("ssn|social security|taxpayer|社保号|社会安全", re.IGNORECASE)


class UsSsn(PersonalKind):
    title = Words("US social security number", "美国社会安全号")
    help = Words(
        "Three, two and four digits with hyphens; without hyphens only after words that announce it.",
        "以横线分隔的 3-2-4 位数字；没有横线时前文须有相应字样。",
    )
    label = Words("SSN", "社会安全号")
    hint = DIGITS
    digits = 6
    pattern = re.compile(
        r"(?<![0-9A-Za-z-])(?!000|666|9)[0-9]{3}([- ]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![0-9A-Za-z]|-[0-9])"
    )

    def judge(self, candidate: Candidate) -> float:
        if candidate.is_other:
            return 0.0
        if candidate.named(_ANNOUNCED, 32):
            return 0.9 if "-" in candidate.value else 0.7
        return 0.7 * ("-" in candidate.value)

    def normal(self, value: str) -> str:
        return re.sub("[^0-9]", "", value)
