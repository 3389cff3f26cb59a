"""People's decisions to take a dropped, merged or rejected item back: append-only, the newest one counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, next_number
from tuneloop.store.tables import restores as table
from tuneloop.store.workspace import Workspace


@dataclass(frozen=True)
class Restore:
    """`restored` False takes an earlier restore back.

    `digest` is a hash of the item's content, by which the decision is found again when its file has changed; `step` is
    the step whose decision is overruled (empty: any).
    """

    source: str
    item: int
    step: str
    restored: bool
    person: str
    note: str
    created: str
    digest: str | None = None


def add_restore(
    ws: Workspace,
    source: str,
    item: int,
    *,
    person: str,
    step: str = "",
    note: str = "",
    digest: str | None = None,
    restored: bool = True,
) -> Restore:
    """Note a decision; the next version applies it."""
    with ws.db.write(durable=True) as connection:
        row = {
            "number": next_number(connection, "restore"),
            "source": source,
            "item": item,
            "digest": digest,
            "step": step,
            "restored": restored,
            "person": person,
            "note": note,
            "created": clock(connection),
        }
        connection.execute(insert(table).values(row))
    return _restore(row)


def restores(ws: Workspace) -> list[Restore]:
    """The decisions in force: for each item and step the newest, where it says restored; oldest first."""
    with ws.db.read() as connection:
        rows = [_restore(row) for row in connection.execute(select(table).order_by(table.c.number)).mappings()]
    newest = {(row.source, row.item, row.step): row for row in rows}
    return [row for row in rows if row.restored and newest[row.source, row.item, row.step] is row]


def _restore(row: Mapping[Any, Any]) -> Restore:
    return Restore(
        source=row["source"],
        item=row["item"],
        step=row["step"],
        restored=row["restored"],
        person=row["person"],
        note=row["note"],
        created=created_text(row["created"]),
        digest=row["digest"],
    )
