"""Uploaded files: a row that names a blob, kept until it is deleted or expires.

A file's bytes are a blob, so the same content is kept once.  A file that a live job reads cannot be deleted; deleting
the last file of a content removes the bytes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, or_, select

from tuneloop.errors import ConflictError, InputError, NotFoundError, Where
from tuneloop.store.database import clock
from tuneloop.store.jobs_tables import files as table
from tuneloop.store.jobs_tables import jobs
from tuneloop.store.tables import dataset_ledgers, lock_kind, next_number, runs
from tuneloop.store.workspace import Workspace

Purpose = Literal["fine-tune", "evals", "batch", "user_data", "fine-tune-results"]
Order = Literal["asc", "desc"]
INPUTS = "inputs"
"""The folder of a run, `runs/run-1/inputs`, where uploaded files lie under their names while it reads them."""


@dataclass(frozen=True)
class File:
    """`digest` is the address of the bytes; `validation` what checking the whole file found, and `details` its
    sentence; `options` what the upload asked for beside; times are seconds since 1970."""

    id: str
    number: int
    filename: str
    purpose: str
    bytes: int
    digest: str
    status: str
    details: str | None
    validation: Mapping[str, Any] | None
    owner: str
    created: float
    expires: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def new_id(kind: str, length: int = 24) -> str:
    """`file-` and random letters and digits: no two processes need to agree."""
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz"
    return kind + "".join(secrets.choice(letters) for _ in range(length))


def add_file(
    ws: Workspace,
    address: str,
    *,
    filename: str,
    purpose: Purpose,
    size: int,
    validation: Mapping[str, Any] | None = None,
    details: str | None = None,
    options: Mapping[str, Any] | None = None,
    expires_after: int | None = None,
    owner: str = "",
    within: Callable[[Connection, File], None] | None = None,
) -> File:
    """Make a blob visible as a file; `ConflictError` when its bytes were deleted in the same moment.

    `within` is called in the same transaction, for a row that names the file.
    """
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "file")
        if not ws.blobs.has(address):
            raise ConflictError("the same content was deleted while it was uploaded", do="Upload it again")
        made = insert_file(
            connection,
            address,
            filename=filename,
            purpose=purpose,
            size=size,
            validation=validation,
            details=details,
            options=options,
            expires_after=expires_after,
            owner=owner,
        )
        if within is not None:
            within(connection, made)
        return made


def insert_file(
    connection: Connection,
    address: str,
    *,
    filename: str,
    purpose: Purpose,
    size: int,
    validation: Mapping[str, Any] | None = None,
    details: str | None = None,
    options: Mapping[str, Any] | None = None,
    expires_after: int | None = None,
    owner: str = "",
) -> File:
    """The same inside the caller's transaction, for a file that another row names."""
    now = clock(connection)
    row = {
        "id": new_id("file-"),
        "number": next_number(connection, "file"),
        "filename": filename,
        "purpose": purpose,
        "bytes": size,
        "digest": address,
        "status": "processed",
        "details": details,
        "validation": None if validation is None else dict(validation),
        "options": dict(options or {}),
        "owner": owner,
        "created": now,
        "expires": None if expires_after is None else now + expires_after,
    }
    connection.execute(insert(table), row)
    return _file(row)


def file(ws: Workspace, identity: str, *, expired: bool = False) -> File:
    """`NotFoundError` for one that is not there, or no more; a live job goes on reading one that has `expired`."""
    with ws.db.read() as connection:
        return _file(_found(connection, identity, expired))


def files(
    ws: Workspace,
    *,
    purpose: str | None = None,
    after: str | None = None,
    order: Order = "desc",
    limit: int = 10_000,
) -> tuple[Sequence[File], bool]:
    """A page of the files that have not expired, and whether there are more; an unknown `after` is an InputError."""
    with ws.db.read() as connection:
        query = select(table).where(or_(table.c.expires.is_(None), table.c.expires > clock(connection)))
        if purpose is not None:
            query = query.where(table.c.purpose == purpose)
        if after is not None:
            place = connection.execute(select(table.c.number).where(table.c.id == after)).scalar()
            if place is None:
                raise InputError(f"found {after!r}", expected="the id of a file", where=Where(field="after"))
            query = query.where(table.c.number > place if order == "asc" else table.c.number < place)
        direction = table.c.number.asc() if order == "asc" else table.c.number.desc()
        rows = connection.execute(query.order_by(direction).limit(limit + 1)).mappings().all()
    return [_file(row) for row in rows[:limit]], len(rows) > limit


def content(ws: Workspace, one: File) -> Path:
    """The file on disk that holds its bytes, to be read only."""
    return ws.blobs.path(one.digest)


def delete_file(ws: Workspace, identity: str, also: Callable[[Connection], None] | None = None) -> None:
    """Remove a file, and do `also` in the same transaction; `ConflictError` while a live job reads it."""
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "file")
        row = _found(connection, identity)
        if user := _live_job(connection, identity):
            raise ConflictError(
                f"the file {identity} is in use by the job {user}",
                expected="a file that no live job reads",
                do="Wait until the job has ended, or cancel it first",
            )
        connection.execute(delete(table).where(table.c.id == identity))
        if also is not None:
            also(connection)
    _forget_bytes(ws, row["digest"])


def lock_file(connection: Connection, identity: str) -> None:
    """Inside the caller's transaction: the file is there, and nobody deletes it before the transaction ends."""
    lock_kind(connection, "file")
    _found(connection, identity)


def delete_expired(ws: Workspace) -> list[str]:
    """Remove files whose time is over and that no live job reads; returns their ids."""
    with ws.db.read() as connection:
        over = select(table.c.id).where(table.c.expires <= clock(connection))
        due = list(connection.execute(over).scalars())
    gone = []
    for identity in due:
        digest = None
        with ws.db.write(durable=True) as connection:
            lock_kind(connection, "file")
            row = connection.execute(select(table).where(table.c.id == identity)).mappings().first()
            if row is not None and not _live_job(connection, identity):
                connection.execute(delete(table).where(table.c.id == identity))
                digest = row["digest"]
        if digest is not None:
            _forget_bytes(ws, digest)
            gone.append(identity)
    return gone


def _forget_bytes(ws: Workspace, digest: str) -> None:
    """Remove a blob that no row names any more.  The lock keeps an upload of the same content out meanwhile."""
    with ws.db.write() as connection:
        lock_kind(connection, "file")
        named = select(func.count()).select_from(table).where(table.c.digest == digest)
        ledger = select(func.count()).select_from(dataset_ledgers).where(dataset_ledgers.c.address == digest)
        if not connection.execute(named).scalar_one() and not connection.execute(ledger).scalar_one():
            ws.blobs.remove(digest)


def _live_job(connection: Connection, identity: str) -> str | None:
    uses = or_(jobs.c.training_file == identity, jobs.c.validation_file == identity)
    query = select(jobs.c.id).join(runs, runs.c.id == jobs.c.run).where(uses, jobs.c.outcome.is_(None))
    ended = ("succeeded", "failed", "cancelled")
    return connection.execute(query.where(runs.c.state.not_in(ended)).limit(1)).scalar()


def _found(connection: Connection, identity: str, expired: bool = False) -> Mapping[Any, Any]:
    row = connection.execute(select(table).where(table.c.id == identity)).mappings().first()
    over = row is not None and row["expires"] is not None and row["expires"] <= clock(connection)
    if row is None or (over and not expired):
        raise NotFoundError(f"No such File object: {identity}", where=Where(field="id"))
    return row


def _file(row: Mapping[Any, Any]) -> File:
    return File(
        id=row["id"],
        number=row["number"],
        filename=row["filename"],
        purpose=row["purpose"],
        bytes=row["bytes"],
        digest=row["digest"],
        status=row["status"],
        details=row["details"],
        validation=row["validation"],
        owner=row["owner"],
        created=row["created"],
        expires=row["expires"],
        options=row["options"],
    )
