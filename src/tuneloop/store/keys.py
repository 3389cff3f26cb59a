"""The key to originals of personal data: where it lies, and what is done with it.

One random key of 32 bytes per user, in `TUNELOOP_KEY_FILE` or in the user's configuration folder, readable by nobody
else and never inside a workspace.  Each workspace uses a key derived from it (HKDF-SHA-256 with the workspace's id), so
that the same person has unlinkable pseudonyms in two workspaces.

    seal / unseal    originals: AES-256-GCM, a fresh nonce each, bound to a context such as the record's id
    pseudonym        the same value always gets the same name, which cannot be turned back without the key
    tombstone        a mark that a record was erased, which does not tell what it was

Not covered: who may read the key on the machine itself, and turning it over to a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from tuneloop.errors import StorageError, Where
from tuneloop.store.durable import flush, publish_once, storage_errors, temporary_beside

VARIABLE = "TUNELOOP_KEY_FILE"
SIZE = 32
_NONCE = 12
_HEADER = b"TL1"


def key_file() -> Path:
    """Where the user's key lies or would lie."""
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("tuneloop", appauthor=False)) / "key"


def workspace_key(identity: str, create: bool = False) -> bytes | None:
    """The key of the workspace with this id; None when the user has no key and `create` is not asked for."""
    key = _read(key_file())
    if key is None:
        if not create:
            return None
        key = _make(key_file())
    return derive(key, f"workspace {identity}")


def derive(key: bytes, purpose: str) -> bytes:
    """An independent key for one purpose (HKDF, RFC 5869, one block)."""
    extracted = hmac.digest(b"tuneloop", key, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """Encrypt; `context` must be given again to `unseal`, so that a sealed value cannot be moved elsewhere."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    box = AESGCM(derive(key, "seal")).encrypt(nonce, plain, context.encode())
    return _HEADER + fingerprint(key) + nonce + box


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Decrypt; `StorageError` when it was sealed with another key, elsewhere, or was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    mark, start = sealed[len(_HEADER) : len(_HEADER) + 8], len(_HEADER) + 8
    if not sealed.startswith(_HEADER) or mark != fingerprint(key):
        raise StorageError(
            "this original was sealed with another key",
            where=Where(file=key_file()),
            do=f"Point {VARIABLE} to the key file that was in use when the data was prepared",
        )
    try:
        return AESGCM(derive(key, "seal")).decrypt(
            sealed[start : start + _NONCE], sealed[start + _NONCE :], context.encode()
        )
    except InvalidTag:
        raise StorageError("this sealed original is damaged", do="Restore the workspace from a copy") from None


def fingerprint(key: bytes) -> bytes:
    """8 bytes that tell keys apart and reveal nothing."""
    return derive(key, "fingerprint")[:8]


def pseudonym(key: bytes, kind: str, value: str, length: int = 8) -> str:
    """`length` hex digits that stand for `value` within this workspace; the same number in two kinds differs."""
    return hmac.new(derive(key, f"pseudonym {kind}"), value.encode(), hashlib.sha256).hexdigest()[:length]


def tombstone(key: bytes, record: str) -> str:
    """The mark of an erased record (64 hex digits)."""
    return hmac.new(derive(key, "tombstone"), record.encode(), hashlib.sha256).hexdigest()


def _read(file: Path) -> bytes | None:
    try:
        text = file.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"the key cannot be read ({error})", where=Where(file=file)) from error
    if len(key) != SIZE:
        raise StorageError(f"the key has {len(key)} bytes", expected=f"{SIZE}", where=Where(file=file))
    return key


def _make(file: Path) -> bytes:
    """A new key, mode 0600; of two processes that make it at once, the first wins and both use it."""
    key = secrets.token_bytes(SIZE)
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = temporary_beside(file)
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(key.hex().encode() + b"\n")
            out.flush()
            flush(out.fileno())
        if publish_once(own, file):
            return key
    return _read(file) or key
