"""Who did what, on what, with which outcome, from where.  Rows are only added; the database itself refuses the rest.

An act and its row are one transaction: `note` takes the connection of the act.  Secrets have no place here: a detail
whose name says that it is one is refused.  A failed act (a wrong password) is noted in a transaction of its own.

Parts that many doors lead to (the command line, Python, HTTP) ask `acting()` who acts: a server says with `acting_as`
who stands behind the request, and without a server it is the person at the machine.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from tuneloop.store import Workspace
from tuneloop.store.access_tables import audit as table
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, next_number

Outcome = Literal["done", "refused"]
SECRET = frozenset({"password", "secret", "token", "link", "digest", "csrf", "key"})


@dataclass(frozen=True)
class Actor:
    """Who acts: a person's id, or None at the machine itself; `key` is the id of the API key used."""

    person: str | None
    name: str
    key: str | None = None
    address: str = ""


@dataclass(frozen=True)
class Entry:
    number: int
    time: str
    person: str | None
    name: str
    key: str | None
    action: str
    target: str
    outcome: str
    address: str
    details: Mapping[str, Any]


def at_the_machine() -> Actor:
    """Who types a command: the person whom the machine knows."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        user = "unknown"
    return Actor(None, f"{user} (command line)")


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(by: Actor) -> Iterator[None]:
    """Within the block, and in the threads that a server's route is run in, `acting()` is `by`."""
    before = _acting.set(by)
    try:
        yield
    finally:
        _acting.reset(before)


def acting() -> Actor:
    """Who acts: the caller of the request that is being answered, else the person at the machine."""
    return _acting.get() or at_the_machine()


def in_name_of(by: Actor, person: str) -> dict[str, Any]:
    """A detail for an act that is recorded in another name than that of who acts."""
    return {} if person == by.name else {"person": person}


def record(ws: Workspace, action: str, target: str, **details: Any) -> None:
    """Add a row for an act that was done in a transaction of its own, by whoever acts."""
    with ws.db.write(durable=True) as connection:
        note(connection, acting(), action, target, **details)


def note(
    connection: Connection, by: Actor, action: str, target: str, outcome: Outcome = "done", **details: Any
) -> None:
    """Add a row inside the transaction of what was done, as its last step: on PostgreSQL others wait for it."""
    if told := SECRET & details.keys():
        raise ValueError(f"the audit log takes no secrets: {', '.join(sorted(told))}")
    row = {
        "number": next_number(connection, "audit"),
        "time": clock(connection),
        "person": by.person,
        "name": by.name[:128],
        "key": by.key,
        "action": action,
        "target": target[:256],
        "outcome": outcome,
        "address": by.address[:64],
        "details": details,
    }
    connection.execute(insert(table).values(row))


def entries(
    ws: Workspace,
    *,
    person: str | None = None,
    action: str | None = None,
    outcome: str | None = None,
    since: float | None = None,
    until: float | None = None,
    below: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Rows, newest first; `below` a number goes on where an earlier page ended.  `action` may end in `.*`."""
    query = select(table).order_by(table.c.number.desc()).limit(limit)
    if person is not None:
        query = query.where(table.c.person == person)
    if action is not None and action.endswith(".*"):
        query = query.where(table.c.action.startswith(action[:-1], autoescape=True))
    elif action is not None:
        query = query.where(table.c.action == action)
    if outcome is not None:
        query = query.where(table.c.outcome == outcome)
    if since is not None:
        query = query.where(table.c.time >= since)
    if until is not None:
        query = query.where(table.c.time < until)
    if below is not None:
        query = query.where(table.c.number < below)
    with ws.db.read() as connection:
        return [_entry(row) for row in connection.execute(query).mappings()]


def _entry(row: Mapping[Any, Any]) -> Entry:
    values = {name: row[name] for name in Entry.__dataclass_fields__}
    return Entry(**(values | {"time": created_text(row["time"])}))
