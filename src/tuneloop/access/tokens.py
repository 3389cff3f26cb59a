"""Random secrets that are shown once, and the hash that is kept of them.

256 random bits need no slow hash: trying them out is hopeless, and one SHA-256 keeps the lookup an indexed read.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

KEY = "tl-"
SESSION = "ts-"
LINK = "ln-"
SHOWN = len(KEY) + 6
"""Characters of a key that may be shown: 36 of its 256 bits, enough to tell keys apart."""


def new(kind: str) -> str:
    return kind + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def csrf_of(session: str) -> str:
    """The token that a page sends back in a header: from the session's secret, which no other site can read."""
    return hmac.digest(session.encode(), b"csrf", "sha256").hex()


def same(found: str, expected: str) -> bool:
    """Comparison whose time does not depend on where the texts differ."""
    return hmac.compare_digest(found.encode("utf-8", "surrogateescape"), expected.encode())
