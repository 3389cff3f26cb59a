"""Attempts to sign in, counted in the database, so that several server processes count together.

Each name and each address is a bucket that an attempt fills by one and that leaks: `Limit.most` attempts at once, then
one each `Limit.seconds`.  An attempt is counted before the password is looked at, so that a hundred at once are a
hundred; one that succeeds is taken back.  An IPv6 address counts by its /64, which one customer holds.

Not covered: an attack from very many addresses on one name locks that name's password while it lasts.  Sign-in links
and API keys go on.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from tuneloop.access.people import folded
from tuneloop.errors import TuneloopError
from tuneloop.store import Workspace
from tuneloop.store.access_tables import sign_in_attempts as table
from tuneloop.store.database import clock

FORGOTTEN = 86_400.0


@dataclass(frozen=True)
class Limit:
    most: int
    seconds: float


NAME = Limit(5, 60.0)
ADDRESS = Limit(20, 30.0)


class ThrottledError(TuneloopError):
    """Too many attempts; `seconds` until the next one is looked at."""

    code = "throttled"

    @classmethod
    def after(cls, seconds: int) -> ThrottledError:
        error = cls("there were too many attempts to sign in", do=f"Try again in {seconds} seconds")
        error.seconds = seconds
        return error

    seconds = 0


def attempt(ws: Workspace, name: str | None, address: str) -> None:
    """Count one attempt; `ThrottledError` when a bucket is full.  A link has no name."""
    wait = 0.0
    with ws.db.write() as connection:
        now = clock(connection)
        connection.execute(delete(table).where(table.c.time < now - FORGOTTEN))
        levels = {}
        for subject, limit in _subjects(name, address):
            level = _level(connection, subject, limit, now)
            wait = max(wait, (level + 1 - limit.most) * limit.seconds)
            levels[subject] = level
        for subject, level in levels.items():
            filled = level if wait > 0 else level + 1  # one that is not looked at does not lengthen the wait
            connection.execute(update(table).where(table.c.subject == subject).values(level=filled, time=now))
    if wait > 0:
        raise ThrottledError.after(math.ceil(wait))


def succeeded(connection: Connection, name: str | None, address: str) -> None:
    """Take the attempt back, and forget the failures of the name."""
    now = clock(connection)
    for subject, limit in _subjects(name, address):
        level = 0.0 if subject.startswith("name") else max(0.0, _level(connection, subject, limit, now) - 1)
        connection.execute(update(table).where(table.c.subject == subject).values(level=level, time=now))


def _subjects(name: str | None, address: str) -> list[tuple[str, Limit]]:
    """In one order always, so that two attempts never wait for each other."""
    found = [(f"address:{_network(address)}"[:80], ADDRESS)]
    if name is not None:
        found.append(("name:" + hashlib.sha256(folded(name).encode("utf-8", "replace")).hexdigest()[:40], NAME))
    return found


def _level(connection: Connection, subject: str, limit: Limit, now: float) -> float:
    """How full a bucket is; its row is made and locked."""
    row = {"subject": subject, "level": 0.0, "time": now}
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql_insert(table).values(row).on_conflict_do_nothing())
    else:
        connection.execute(insert(table).prefix_with("OR IGNORE").values(row))
    found = connection.execute(select(table).where(table.c.subject == subject).with_for_update()).one()
    passed = max(0.0, now - found.time)  # a clock that went back must not fill the bucket
    return float(max(0.0, found.level - passed / limit.seconds))


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
