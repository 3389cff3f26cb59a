"""Uploads that come in parts: each part a file of its own until the whole is put together.

    uploads/{upload}/{part}        flushed and renamed before the part's row is written

An upload ends once: completed, cancelled, or by its time.  Rows of those that have ended stay for a day, so that a
repeated request finds what it did; their parts go at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from tuneloop.errors import NotFoundError, UsageError, Where
from tuneloop.store.database import clock
from tuneloop.store.durable import flush_file, publish, storage_errors
from tuneloop.store.files import new_id
from tuneloop.store.jobs_tables import upload_parts
from tuneloop.store.jobs_tables import uploads as table
from tuneloop.store.workspace import Workspace

FOLDER = "uploads"
SECONDS = 3600
"""How long an upload may take."""
REMEMBERED = 86_400
MOST_PARTS = 10_000

Status = Literal["pending", "completed", "cancelled", "expired"]


@dataclass(frozen=True)
class Upload:
    """`bytes` is what was declared; `options` and `expires_after` are for the file that it becomes; `named` are the
    parts that it was completed with."""

    id: str
    filename: str
    purpose: str
    bytes: int
    options: Mapping[str, Any]
    expires_after: int | None
    owner: str
    status: Status
    file: str | None
    named: Sequence[str] | None
    created: float
    expires: float


@dataclass(frozen=True)
class Part:
    id: str
    upload: str
    bytes: int
    created: float


class UploadEnded(UsageError):
    code = "upload_not_pending"


def add_upload(
    ws: Workspace,
    *,
    filename: str,
    purpose: str,
    size: int,
    options: Mapping[str, Any],
    expires_after: int | None,
    owner: str,
) -> Upload:
    with ws.db.write(durable=True) as connection:
        now = clock(connection)
        row = {
            "id": new_id("upload_"),
            "filename": filename,
            "purpose": purpose,
            "bytes": size,
            "options": dict(options),
            "expires_after": expires_after,
            "owner": owner,
            "outcome": None,
            "file": None,
            "named": None,
            "created": now,
            "expires": now + SECONDS,
        }
        connection.execute(insert(table).values(row))
        return _upload(row, now)


def upload(ws: Workspace, identity: str) -> Upload:
    with ws.db.read() as connection:
        return _found(connection, identity)


def add_part(ws: Workspace, identity: str, written: Path) -> Part:
    """Take over a written file as a part.

    Raises `UploadEnded`, and `UsageError` where the parts get to more than twice what was declared (a part may have
    come twice, as its answer was lost).
    """
    size = written.stat().st_size
    part = new_id("part_")
    _pending(upload(ws, identity))
    place = ws.path(FOLDER, identity) / part
    with storage_errors(place, needed=size):
        flush_file(written)
        publish(written, place)
    try:
        with ws.db.write(durable=True) as connection:
            one = _pending(_locked(connection, identity))
            count, held = connection.execute(
                select(func.count(), func.coalesce(func.sum(upload_parts.c.bytes), 0)).where(
                    upload_parts.c.upload == identity
                )
            ).one()
            if count >= MOST_PARTS or held + size > 2 * one.bytes:
                raise UsageError(
                    f"{count + 1} parts of {held + size} bytes",
                    expected=f"at most {MOST_PARTS} parts, and {one.bytes} bytes as declared",
                    where=Where(field="data"),
                )
            now = clock(connection)
            row = {"id": part, "upload": identity, "bytes": size, "created": now}
            connection.execute(insert(upload_parts).values(row))
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return Part(part, identity, size, now)


def parts(ws: Workspace, identity: str, names: Sequence[str]) -> list[tuple[Part, Path]]:
    """The named parts in that order with their files; `UsageError` for one that is not there or named twice."""
    with ws.db.read() as connection:
        rows = connection.execute(select(upload_parts).where(upload_parts.c.upload == identity)).mappings()
        known = {row["id"]: Part(row["id"], row["upload"], row["bytes"], row["created"]) for row in rows}
    where = Where(field="part_ids")
    found = []
    for place, name in enumerate(names):
        if name not in known or name in names[:place]:
            told = "stands twice" if name in known else f"is no part of {identity}"
            raise UsageError(f"{name!r} {told}", expected="each part once, in the order of the file", where=where)
        path = ws.folder / FOLDER / identity / name
        if not path.is_file():
            raise UsageError(f"the bytes of {name!r} are gone", expected="a part that is there", where=where)
        found.append((known[name], path))
    return found


def completed(connection: Connection, identity: str, names: Sequence[str], file: str) -> None:
    """Note, in the transaction that makes the file visible, what became of the upload; raises `UploadEnded`."""
    _pending(_locked(connection, identity))
    values = {"outcome": "completed", "file": file, "named": list(names)}
    connection.execute(update(table).where(table.c.id == identity).values(values))


def cancel(ws: Workspace, identity: str) -> Upload:
    """One that is cancelled stays so; raises `UploadEnded` for another end."""
    with ws.db.write(durable=True) as connection:
        one = _locked(connection, identity)
        if one.status != "cancelled":
            _pending(one)
            connection.execute(update(table).where(table.c.id == identity).values(outcome="cancelled"))
    forget_parts(ws, identity)
    return upload(ws, identity)


def forget_parts(ws: Workspace, identity: str) -> None:
    """Remove the parts of an upload that has ended."""
    shutil.rmtree(ws.folder / FOLDER / identity, ignore_errors=True)


def remove_ended(ws: Workspace) -> None:
    """What is left of uploads that have ended: parts at once, rows after a day."""
    folder = ws.folder / FOLDER
    # the folders first: a row is there before its folder is
    there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    with ws.db.read() as connection:
        now = clock(connection)
        over = table.c.outcome.is_not(None) | (table.c.expires <= now)
        ended = list(connection.execute(select(table.c.id).where(over)).scalars())
        known = set(connection.execute(select(table.c.id)).scalars())
        old = list(connection.execute(select(table.c.id).where(over, table.c.expires <= now - REMEMBERED)).scalars())
    for name in there:
        if name in ended or name not in known:
            forget_parts(ws, name)
    if old:
        with ws.db.write() as connection:
            connection.execute(delete(upload_parts).where(upload_parts.c.upload.in_(old)))
            connection.execute(delete(table).where(table.c.id.in_(old)))


def _locked(connection: Connection, identity: str) -> Upload:
    row = connection.execute(select(table).where(table.c.id == identity).with_for_update()).mappings().first()
    return _given(row, identity, clock(connection))


def _found(connection: Connection, identity: str) -> Upload:
    row = connection.execute(select(table).where(table.c.id == identity)).mappings().first()
    return _given(row, identity, clock(connection))


def _given(row: Mapping[Any, Any] | None, identity: str, now: float) -> Upload:
    if row is None:
        raise NotFoundError(f"No such Upload object: {identity}", where=Where(field="upload_id"))
    return _upload(row, now)


def _pending(one: Upload) -> Upload:
    if one.status != "pending":
        raise UploadEnded(f"{one.id} is {one.status}", expected="a pending upload", do="Begin a new one")
    return one


def _upload(row: Mapping[Any, Any], now: float) -> Upload:
    status: Status = row["outcome"] or ("expired" if row["expires"] <= now else "pending")
    return Upload(
        id=row["id"],
        filename=row["filename"],
        purpose=row["purpose"],
        bytes=row["bytes"],
        options=row["options"],
        expires_after=row["expires_after"],
        owner=row["owner"],
        status=status,
        file=row["file"],
        named=row["named"],
        created=row["created"],
        expires=row["expires"],
    )
