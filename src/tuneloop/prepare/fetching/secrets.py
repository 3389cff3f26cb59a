"""Addresses without what is secret in them: passwords, tokens, signatures."""

from __future__ import annotations

import re

HIDDEN = "***"
_USER = re.compile(r"(?<=://)([^:/@\s]*):([^/\s]*)@")
_NAMES = r"(?:[\w.-]*[_.-])?(?:password|passwd|passphrase|pwd|secret|token|signature|sig|credential|apikey|key)"
_QUERY = re.compile(rf"([?&;]{_NAMES})=([^&;#\s]*)", re.IGNORECASE)


def without_secrets(address: str) -> str:
    """The address with `***` for a password before the host and for secret values of its query."""
    return _QUERY.sub(rf"\1={HIDDEN}", _USER.sub(rf"\1:{HIDDEN}@", address))


def has_password(address: str) -> bool:
    return _USER.search(address) is not None or _QUERY.search(address) is not None
