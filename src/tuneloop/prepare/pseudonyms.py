"""Names that stand for personal values: the same value always gets the same one, and nobody can tell the value from it.

A pseudonym is `[MOBILE-K7QM2XVB]`, or `[手机号-K7QM2XVB]` in Chinese text: the kind's label and 40 bits of an
HMAC-SHA-256 of kind and value under the workspace's secret.  Without the secret it says nothing; with it, the few
billion mobile numbers could be tried one after the other, so the secret is what must be kept.  Two values share a
pseudonym with probability 1 in 10^12 (among 100,000 values some two do with 0.5 %).  The way back is in
`revealing`: the original is kept encrypted beside the change.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from tuneloop.wording import Words

_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U to misread
LENGTH = 8
PATTERN = re.compile(rf"\[[^\[\]\s]{{1,24}}-[{_SIGNS}]{{{LENGTH}}}\]")
"""Matches a pseudonym, whichever its label."""


def pseudonym(secret: bytes, kind: str, value: str, label: Words, language: str) -> str:
    """The pseudonym of a value in its normal form; Chinese labels for `zh`, English ones for all other languages."""
    return f"[{label.to('zh' if language == 'zh' else 'en')}-{signs(secret, kind, value)}]"


def signs(secret: bytes, kind: str, value: str) -> str:
    """The eight signs that stand for a value in its normal form."""
    digest = hmac.new(secret, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    number = int.from_bytes(digest[:5], "big")
    return "".join(_SIGNS[(number >> shift) & 31] for shift in range(35, -1, -5))
