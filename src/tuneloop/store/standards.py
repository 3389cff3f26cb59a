"""The quality standards that hold in each scenario: append-only; the newest of a scenario holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from tuneloop.errors import NotFoundError
from tuneloop.store.database import clock
from tuneloop.store.numbered import numbered
from tuneloop.store.quality_tables import quality_standards as table
from tuneloop.store.tables import created_text, lock_kind, next_number
from tuneloop.store.workspace import Workspace


@dataclass(frozen=True)
class KeptStandard:
    """`name` is `standard-3`; `standard` is plain data, as its file would hold it."""

    name: str
    scenario: str
    standard: Mapping[str, Any]
    person: str
    note: str
    created: str


def add_standard(
    ws: Workspace, scenario: str, standard: Mapping[str, Any], *, person: str, note: str = ""
) -> KeptStandard:
    """Let a standard hold in a scenario from now on, under a new name; the one that holds already keeps its name."""
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "standard")
        query = select(table).where(table.c.scenario == scenario).order_by(table.c.number.desc()).limit(1)
        row: Mapping[Any, Any] | None = connection.execute(query).mappings().first()
        if row is None or row["standard"] != dict(standard):
            number = next_number(connection, "standard")
            row = {
                "name": f"standard-{number}",
                "number": number,
                "scenario": scenario,
                "standard": dict(standard),
                "person": person,
                "note": note,
                "created": clock(connection),
            }
            connection.execute(insert(table).values(row))
    return _kept(row)


def standards(
    ws: Workspace, scenario: str | None = None, *, below: int | None = None, limit: int | None = None
) -> list[KeptStandard]:
    """All that ever held, oldest first; or the newest `limit` with a number below `below`."""
    query = select(table)
    if scenario is not None:
        query = query.where(table.c.scenario == scenario)
    with ws.db.read() as connection:
        return [_kept(row) for row in numbered(connection, query, table.c.number, below, limit)]


def standard_named(ws: Workspace, name: str) -> KeptStandard:
    with ws.db.read() as connection:
        row = connection.execute(select(table).where(table.c.name == name)).mappings().first()
    if row is None:
        raise NotFoundError(f"no quality standard is called {name!r}", do="List them with: tuneloop quality list")
    return _kept(row)


def _kept(row: Mapping[Any, Any]) -> KeptStandard:
    return KeptStandard(
        row["name"],
        row["scenario"],
        row["standard"],
        row["person"],
        row["note"],
        created_text(row["created"]),
    )
