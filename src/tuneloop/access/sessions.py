"""Sessions of people in a browser: a random token in a cookie, its hash here.

A session ends after `IDLE` seconds without a request, `LONGEST` seconds after signing in whatever happens, when it is
signed out, and with the person.  Its time of last use is written at most once a minute.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from tuneloop.access import generation, tokens
from tuneloop.access.audit import Actor, note
from tuneloop.errors import NotFoundError
from tuneloop.store import Workspace
from tuneloop.store.access_tables import sessions as table
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text

IDLE = 12 * 3600.0
LONGEST = 7 * 86_400.0


@dataclass(frozen=True)
class Session:
    id: str
    person: str
    created: str
    seen: str
    expires: str
    address: str
    agent: str


def begin(connection: Connection, person: str, address: str, agent: str) -> str:
    """A new session's token; sessions that are over are swept."""
    now, token = clock(connection), tokens.new(tokens.SESSION)
    connection.execute(delete(table).where((table.c.expires <= now) | (table.c.seen <= now - IDLE)))
    row = {
        "id": f"session-{secrets.token_hex(8)}",
        "digest": tokens.digest(token),
        "person": person,
        "created": now,
        "seen": now,
        "expires": now + LONGEST,
        "address": address[:64],
        "agent": agent[:256],
    }
    connection.execute(insert(table).values(row))
    return token


def sessions(ws: Workspace, person: str) -> list[Session]:
    """A person's sessions that are not over, newest first."""
    with ws.db.read() as connection:
        now = clock(connection)
        query = select(table).where(table.c.person == person, table.c.expires > now, table.c.seen > now - IDLE)
        return [_session(row) for row in connection.execute(query.order_by(table.c.created.desc())).mappings()]


def end(ws: Workspace, by: Actor, session: str, person: str | None = None) -> None:
    """Sign out; with `person` only a session of theirs is found."""
    with ws.db.write() as connection:
        query = delete(table).where(table.c.id == session)
        if person is not None:
            query = query.where(table.c.person == person)
        owner = connection.execute(query.returning(table.c.person)).scalar()
        if owner is None:
            raise NotFoundError(f"there is no session {session!r}")
        note(connection, by, "session.end", session, person=owner)
    generation.changed()


def end_all(ws: Workspace, by: Actor, person: str) -> int:
    """Sign a person out everywhere; returns how many sessions there were."""
    with ws.db.write() as connection:
        ended = connection.execute(delete(table).where(table.c.person == person)).rowcount
        note(connection, by, "session.end_all", person, sessions=ended)
    generation.changed()
    return ended


def _session(row: Mapping[Any, Any]) -> Session:
    return Session(
        id=row["id"],
        person=row["person"],
        created=created_text(row["created"]),
        seen=created_text(row["seen"]),
        expires=created_text(row["expires"]),
        address=row["address"],
        agent=row["agent"],
    )
