"""E-mail addresses, also glued to Chinese on either side."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_FILE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|css|js|html?|pdf|py|json)\Z", re.IGNORECASE)


class Email(PersonalKind):
    title = Words("E-mail address", "电子邮箱")
    help = Words(
        "A name, @ and a domain in ASCII; addresses in other scripts are not seen.",
        "ASCII 的用户名、@ 与域名；其他文字的邮箱地址不识别。",
    )
    label = Words("EMAIL", "邮箱")
    words = ("@",)
    digits = 0
    hint = re.compile("@")
    reach = 320
    pattern = re.compile(
        r"(?<![A-Za-z0-9._%+/-])[A-Za-z0-9_%+-]{1,64}(?:\.[A-Za-z0-9_%+-]{1,64}){0,8}"
        r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,18}(?![A-Za-z0-9-]|@)"
    )

    def judge(self, candidate: Candidate) -> float:
        return 0.0 if _FILE.search(candidate.value) else 0.95

    def normal(self, value: str) -> str:
        return value.lower()
