"""The secret that pseudonyms are made with."""

from __future__ import annotations

import secrets

from tuneloop.store import Workspace
from tuneloop.store.settings import get_setting, set_setting

SALT = "prepare.salt"


def salt(ws: Workspace, keep: bool) -> bytes:
    """A secret of the workspace for those that have no key; made once."""
    found = get_setting(ws, SALT)
    if found is None:
        found = secrets.token_hex(16)
        if keep:
            set_setting(ws, SALT, found)
    return bytes.fromhex(found)
