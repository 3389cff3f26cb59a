"""The secret that pseudonyms are made with: the workspace's key, which stays the same from import to import."""

from __future__ import annotations

import secrets

from tuneloop.access.audit import Actor, note
from tuneloop.errors import StorageError, Where
from tuneloop.store import Workspace, keys
from tuneloop.store.settings import get_setting, set_setting

SALT = "prepare.salt"
KEY = "prepare.key"


def salt(ws: Workspace, keep: bool) -> bytes:
    """A secret of the workspace for those that have no key; made once."""
    found = get_setting(ws, SALT)
    if found is None:
        found = secrets.token_hex(16)
        if keep:
            set_setting(ws, SALT, found)
    return bytes.fromhex(found)


def key_of(ws: Workspace, create: bool) -> bytes | None:
    """The key of this workspace, made where there is none yet and `create` is asked for.

    The workspace remembers the fingerprint of the key that its first import used.  Raises `StorageError` when that key
    is not here: with another one, the same person would go by another name from this import on.
    """
    known = get_setting(ws, KEY)
    if known is not None:
        held = ws.key()
        if held is None or keys.fingerprint(held).hex() != known:
            raise StorageError(
                "found no key" if held is None else "found another key",
                expected="the key that this workspace's pseudonyms were made with",
                where=Where(file=keys.key_file()),
                do=f"Put it back, or point {keys.VARIABLE} to it. If it is lost for good: tuneloop data new-key",
            )
        return held
    key = ws.key(create=create)
    if key is not None and create:
        set_setting(ws, KEY, keys.fingerprint(key).hex())
    return key


def renew(ws: Workspace, *, by: Actor) -> None:
    """Let the next import take whichever key it finds, or make one; what other keys sealed stays sealed."""
    with ws.db.write(durable=True) as connection:
        note(connection, by, "personal_data.new_key", ws.id)
    set_setting(ws, KEY, None)
