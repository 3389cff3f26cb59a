"""Sources: the files and places that records were read from, with kind, licence and grade."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select

from tuneloop.errors import NotFoundError, nearest
from tuneloop.records.origin import SourceKind
from tuneloop.store.database import clock
from tuneloop.store.numbered import numbered
from tuneloop.store.tables import created_text, lock_kind, next_number
from tuneloop.store.tables import sources as table
from tuneloop.store.workspace import Workspace

CONSENT = "consent"
"""The key of `details` that holds it."""


@dataclass(frozen=True)
class Source:
    """`name` is what the user gave; `digest` the hash of the content as read; `size` its bytes.

    `consent` says who agreed to what use, in a person's words.
    """

    id: str
    name: str
    kind: SourceKind
    digest: str
    size: int
    created: str
    run: str | None = None
    licence: str | None = None
    grade: str | None = None
    consent: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def add_source(
    ws: Workspace,
    name: str,
    *,
    kind: SourceKind,
    digest: str,
    size: int,
    licence: str | None = None,
    grade: str | None = None,
    consent: str | None = None,
    run: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Source:
    """Note a source; the same content under the same name and terms is one source."""
    told = json.dumps([name, kind, digest, licence, grade, *([consent] if consent else [])], ensure_ascii=False)
    fingerprint = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "source")
        row = connection.execute(select(table).where(table.c.fingerprint == fingerprint)).mappings().first()
        if row is None:
            number = next_number(connection, "source")
            values = {
                "id": f"source-{number}",
                "number": number,
                "fingerprint": fingerprint,
                "name": name,
                "kind": kind,
                "licence": licence,
                "grade": grade,
                "digest": digest,
                "size": size,
                "run": run,
                "created": clock(connection),
                "details": {**(details or {}), **({CONSENT: consent} if consent else {})},
            }
            connection.execute(insert(table).values(values))
            return _source(values)
    return _source(row)


def source(ws: Workspace, identity: str) -> Source:
    with ws.db.read() as connection:
        row = connection.execute(select(table).where(table.c.id == identity)).mappings().first()
        if row is None:
            known = list(connection.execute(select(table.c.id)).scalars())
            hint = nearest(identity, known) if known else "There are no sources yet"
            raise NotFoundError(f"no source is called {identity!r}", do=hint[0].upper() + hint[1:])
    return _source(row)


def sources(ws: Workspace, *, below: int | None = None, limit: int | None = None) -> list[Source]:
    """All sources, oldest first; or the newest `limit` with a number below `below`."""
    with ws.db.read() as connection:
        return [_source(row) for row in numbered(connection, select(table), table.c.number, below, limit)]


def _source(row: Mapping[Any, Any]) -> Source:
    details = dict(row["details"])
    return Source(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        digest=row["digest"],
        size=row["size"],
        created=created_text(row["created"]),
        run=row["run"],
        licence=row["licence"],
        grade=row["grade"],
        consent=details.pop(CONSENT, None),
        details=details,
    )
