"""A file that comes in parts: declared, sent piece by piece, put together, and then treated as any upload."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tuneloop.errors import UsageError, Where
from tuneloop.jobs.uploads import MOST_BYTES, check_request, keep
from tuneloop.store import Workspace, uploads
from tuneloop.store.durable import storage_errors
from tuneloop.store.files import File
from tuneloop.store.uploads import Part, Upload

MOST_PART = 64 * 1024 * 1024
CHUNK = 1 << 20


class SizeMismatch(UsageError):
    code = "size_mismatch"


class ChecksumMismatch(UsageError):
    code = "checksum_mismatch"


def begin(
    ws: Workspace,
    *,
    filename: str,
    purpose: str,
    size: int,
    expires_after: int | None = None,
    options: Mapping[str, Any] | None = None,
    owner: str = "",
    most: int = MOST_BYTES,
) -> Upload:
    """Raises `UsageError` for what cannot become a file, before a byte is sent."""
    check_request(purpose, expires_after, options or {})
    if not 1 <= size <= most:
        raise UsageError(f"found {size}", expected=f"1 to {most} bytes", where=Where(field="bytes"))
    return uploads.add_upload(
        ws,
        filename=filename,
        purpose=purpose,
        size=size,
        options=options or {},
        expires_after=expires_after,
        owner=owner,
    )


def add(ws: Workspace, identity: str, written: Path) -> Part:
    """A part whose bytes lie at `written`, which is taken over; raises `UploadEnded` and `UsageError`."""
    size = written.stat().st_size
    if not 1 <= size <= MOST_PART:
        raise UsageError(f"found {size} bytes", expected=f"1 to {MOST_PART}", where=Where(field="data"))
    return uploads.add_part(ws, identity, written)


def complete(ws: Workspace, identity: str, names: Sequence[str], md5: str | None = None) -> Upload:
    """Put the named parts together and make the file visible; done again with the same parts it changes nothing.

    Raises `UploadEnded`, `SizeMismatch`, `ChecksumMismatch`, and what `uploads.keep` raises for the whole: then the
    upload stays pending and may be completed otherwise.
    """
    one = uploads.upload(ws, identity)
    if one.status == "completed" and one.named == list(names):
        return one
    if one.status != "pending":
        raise uploads.UploadEnded(f"{identity} is {one.status}", expected="a pending upload", do="Begin a new one")
    found = uploads.parts(ws, identity, names)
    size = sum(part.bytes for part, _ in found)
    if size != one.bytes:
        raise SizeMismatch(
            f"the parts have {size} bytes", expected=f"{one.bytes}, as declared", where=Where(field="part_ids")
        )
    whole = ws.blobs.new_part()
    try:
        digest = _join([path for _, path in found], whole, size)
        if md5 is not None and md5.strip().lower() != digest:
            raise ChecksumMismatch(f"the bytes have the md5 {digest}", expected=md5, where=Where(field="md5"))

        def done(connection: Connection, file: File) -> None:
            uploads.completed(connection, identity, names, file.id)

        keep(
            ws,
            whole,
            filename=one.filename,
            purpose=one.purpose,
            expires_after=one.expires_after,
            options=one.options,
            owner=one.owner,
            within=done,
        )
    except uploads.UploadEnded:
        again = uploads.upload(ws, identity)  # the same request, sent twice, came to its end here in between
        if again.named != list(names):
            raise
        return again
    finally:
        whole.unlink(missing_ok=True)
    uploads.forget_parts(ws, identity)
    return uploads.upload(ws, identity)


def _join(places: Sequence[Path], whole: Path, size: int) -> str:
    """The parts one after another; returns their MD5, which the protocol compares (it protects from nobody)."""
    with storage_errors(whole, needed=size), whole.open("wb") as out:
        for place in places:
            with place.open("rb") as part:
                shutil.copyfileobj(part, out, CHUNK)
    with whole.open("rb") as joined:
        return hashlib.file_digest(joined, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
