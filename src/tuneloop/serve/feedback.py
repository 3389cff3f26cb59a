"""Feedback to an exchange, by its response id: a thumb, a pick among its choices, or the right answer.

Append-only: a person who thinks again adds a row, and the newest of each person and kind counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import exists, insert, select

from tuneloop.errors import UsageError, nearest
from tuneloop.serve.exchanges import Exchange, exchange
from tuneloop.serve.looked_for import in_time
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.registry_tables import exchanges as asked
from tuneloop.store.registry_tables import feedback as table
from tuneloop.store.tables import created_text, next_number

Kind = Literal["thumb", "pick", "correction"]
LONGEST = 100_000
"""Characters of a correction."""


@dataclass(frozen=True)
class Feedback:
    """`value`: "up" or "down" for a thumb, the index of the chosen choice for a pick, the text for a correction."""

    number: int
    exchange: str
    kind: Kind
    value: Any
    person: str
    note: str
    created: str


def give(ws: Workspace, identity: str, kind: Kind, value: Any, *, person: str, note: str = "") -> Feedback:
    """Store feedback; returns when it rests on the disk.  Raises NotFoundError for an exchange that was not kept, and
    UsageError for a value that does not fit."""
    about = exchange(ws, identity)
    _check(about, kind, value)
    if isinstance(value, str) and kind == "correction":
        value = _hidden(ws, value)
    with ws.db.write(durable=True) as connection:
        row = {
            "number": next_number(connection, "feedback"),
            "exchange": about.id,
            "kind": kind,
            "value": value,
            "person": person,
            "note": _hidden(ws, note),
            "created": clock(connection),
        }
        connection.execute(insert(table), row)
    return _feedback(row)


def _check(about: Exchange, kind: str, value: Any) -> None:
    if kind not in get_args(Kind):
        raise UsageError(f"no feedback is called {kind!r}", do=nearest(kind, get_args(Kind)).capitalize())
    if kind == "thumb" and value not in ("up", "down"):
        raise UsageError(f"found the thumb {value!r}", expected="up or down")
    if kind == "pick":
        count = len(about.replies)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count or count < 2:
            expected = (
                f"a number from 0 to {count - 1}" if count > 1 else "an exchange with several choices (n above 1)"
            )
            raise UsageError(f"found the pick {value!r} among {count} choices", expected=expected)
    if kind == "correction" and not (isinstance(value, str) and value.strip() and len(value) <= LONGEST):
        raise UsageError("found no text for the correction", expected=f"1 to {LONGEST:,} characters")


def _hidden(ws: Workspace, text: str) -> str:
    from tuneloop.serve.exchanges import logging
    from tuneloop.text.personal.hiding import hide

    return hide(text) if text and logging(ws).redact else text


def of_exchange(ws: Workspace, identity: str) -> list[Feedback]:
    """All feedback to an exchange, oldest first."""
    query = select(table).where(table.c.exchange == identity).order_by(table.c.number)
    with ws.db.read() as connection:
        return [_feedback(row) for row in connection.execute(query).mappings()]


def feedback(
    ws: Workspace,
    *,
    before: int | None = None,
    limit: int = 50,
    kind: str | None = None,
    person: str | None = None,
    model: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> list[Feedback]:
    """Feedback, newest first, below the number `before`; `model` is what answered, times are seconds since 1970."""
    query = select(table).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if person is not None:
        query = query.where(table.c.person == person)
    if model is not None:
        query = query.where(exists().where(asked.c.id == table.c.exchange, asked.c.model == model))
    with ws.db.read() as connection:
        query = query.where(*in_time(connection, table, since, until))
        return [_feedback(row) for row in connection.execute(query).mappings()]


def _feedback(row: Mapping[Any, Any]) -> Feedback:
    return Feedback(
        number=row["number"],
        exchange=row["exchange"],
        kind=row["kind"],
        value=row["value"],
        person=row["person"],
        note=row["note"],
        created=created_text(row["created"]),
    )
