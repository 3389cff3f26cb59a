"""Private keys in PEM's armour (RFC 7468)."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words


class PrivateKey(PersonalKind):
    title = Words("Private key", "私钥")
    help = Words(
        "A block from BEGIN to END PRIVATE KEY, of up to 16,000 characters.",
        "BEGIN 与 END PRIVATE KEY 之间的整块内容。",
    )
    label = Words("PRIVATE-KEY", "私钥")
    words = ("private key-----",)
    digits = 0
    hint = re.compile("-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----")
    reach = 16_000
    pattern = re.compile(
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/=\s:,\\-]{20,16000}?-----END [A-Z ]{0,20}PRIVATE KEY-----"
    )

    def judge(self, candidate: Candidate) -> float:
        return 0.95
