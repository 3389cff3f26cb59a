"""How people name things: `data-3`, the start of an id, or `newest`."""

from __future__ import annotations

from sqlalchemy import ColumnElement, RowMapping, Table, select

from tuneloop.errors import NotFoundError, UsageError, nearest
from tuneloop.store.database import Database

NEWEST = "newest"


def find(database: Database, table: Table, reference: str, *, what: str, make: str, scenario: str | None) -> RowMapping:
    """The row that `reference` names; `NotFoundError` with the nearest name, and `make` says how to get a first one."""
    columns = table.c
    with database.read() as connection:
        within: list[ColumnElement[bool]] = [columns.scenario == scenario] if scenario is not None else []
        query = select(table).where(*within).order_by(columns.number.desc())
        if reference == NEWEST:
            newest = connection.execute(query.limit(1)).mappings().first()
            if newest is None:
                raise NotFoundError(f"there is no {what} yet", do=make)
            return newest
        named = connection.execute(query.where(columns.name == reference)).mappings().first()
        if named is not None:
            return named
        starting = connection.execute(query.where(columns.id.startswith(reference, autoescape=True)).limit(2))
        found: list[RowMapping] = list(starting.mappings()) if len(reference) > 3 else []
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"several {what}s have an id that starts with {reference!r}", expected="a longer start")
        names = list(connection.execute(select(columns.name).where(*within)).scalars())
    hint = nearest(reference, names) if names else ""
    raise NotFoundError(f"no {what} is called {reference!r}", do=hint[:1].upper() + hint[1:] if hint else make)
