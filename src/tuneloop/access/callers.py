"""Who stands behind a key or a session: one indexed read, kept for a second.

What takes a right away counts at once in this process (`generation`), and within `KEPT` seconds in the others.  The
time of last use is written at most once in `SEEN` seconds, by whoever asks `touch` to after the answer has gone out.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, select, update

from tuneloop.access import generation, tokens
from tuneloop.access.audit import Actor
from tuneloop.access.permissions import Permission, Role, permissions_of
from tuneloop.access.sessions import IDLE
from tuneloop.store import Workspace
from tuneloop.store.access_tables import api_keys, people, sessions
from tuneloop.store.database import now

KEPT = 1.0
SEEN = 60.0
MOST = 10_000
"""Callers kept at once; beyond it those whose second is over go."""


@dataclass(frozen=True)
class Caller:
    """`key` is the id of the API key, or None for a session of a person (`session` is its id); `held` what may be done.

    `per_minute` is the key's own limit, None for the server's.
    """

    user: str
    name: str
    role: Role
    held: frozenset[Permission]
    key: str | None = None
    session: str | None = None
    per_minute: int | None = None

    def actor(self, address: str = "") -> Actor:
        return Actor(self.user, self.name, self.key, address)


@dataclass(frozen=True)
class _Kept:
    caller: Caller
    until: float
    generation: int
    due: bool


class Callers:
    """The callers of one open workspace; safe to use from several threads."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._kept: dict[str, _Kept] = {}
        self._touched: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def local(self) -> bool:
        """Whether asking the database waits for nobody."""
        return self._ws.db.local

    def remembered(self, secret: str) -> Caller | None:
        """The caller if it was read within the last second, without asking the database."""
        kept = self._kept.get(tokens.digest(secret))
        if kept is None or kept.until <= time.monotonic() or kept.generation != generation.current():
            return None
        return kept.caller

    def find(self, secret: str) -> Caller | None:
        """The caller of a key (`tl-…`) or a session; None when there is none, or none any more."""
        if (caller := self.remembered(secret)) is not None:
            return caller
        seen_before, begun, digest = generation.current(), time.monotonic(), tokens.digest(secret)
        query = _OF_KEY if secret.startswith(tokens.KEY) else _OF_SESSION
        with self._ws.db.read() as connection:
            row = connection.execute(query, {"digest": digest}).mappings().first()
        if row is None or not row["good"]:
            with self._lock:
                self._kept.pop(digest, None)
            return None
        held = permissions_of(row["role"])
        if row.get("scopes") is not None:
            held &= frozenset(row["scopes"])
        key = row["id"] if secret.startswith(tokens.KEY) else None
        session = row["id"] if key is None else None
        caller = Caller(row["user"], row["name"], row["role"], held, key, session, row.get("per_minute"))
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept = {name: one for name, one in self._kept.items() if one.until > begun}
            self._kept[digest] = _Kept(caller, begun + KEPT, seen_before, bool(row["due"]))
        return caller

    def due(self, secret: str) -> bool:
        """Whether the time of last use is to be written."""
        kept = self._kept.get(tokens.digest(secret))
        if kept is None or not kept.due:
            return False
        name = kept.caller.key or kept.caller.session or ""
        with self._lock:
            begun = time.monotonic()
            if self._touched.get(name, -SEEN) > begun - SEEN:
                return False
            self._touched = {one: at for one, at in self._touched.items() if at > begun - SEEN} | {name: begun}
        return True

    def touch(self, caller: Caller) -> None:
        """Write the time of last use."""
        table: Any = api_keys if caller.key else sessions
        with self._ws.db.write() as connection:
            statement = update(table).where(table.c.id == (caller.key or caller.session)).values(seen=now())
            connection.execute(statement)


def _key_query() -> Select[Any]:
    live = api_keys.c.revoked.is_(None) & (api_keys.c.expires.is_(None) | (api_keys.c.expires > now()))
    unseen = api_keys.c.seen.is_(None) | (api_keys.c.seen < now() - SEEN)
    return (
        select(
            api_keys.c.id, api_keys.c.scopes, api_keys.c.per_minute, people.c.id.label("user"), people.c.name,
            people.c.role, (live & people.c.disabled.is_(False)).label("good"), unseen.label("due"),
        )
        .join(people, people.c.id == api_keys.c.person)
        .where(api_keys.c.digest == bindparam("digest"))
    )  # fmt: skip


def _session_query() -> Select[Any]:
    live = (sessions.c.expires > now()) & (sessions.c.seen > now() - IDLE)
    return (
        select(
            sessions.c.id, people.c.id.label("user"), people.c.name, people.c.role,
            (live & people.c.disabled.is_(False)).label("good"), (sessions.c.seen < now() - SEEN).label("due"),
        )
        .join(people, people.c.id == sessions.c.person)
        .where(sessions.c.digest == bindparam("digest"))
    )  # fmt: skip


_OF_KEY, _OF_SESSION = _key_query(), _session_query()
"""Built once: building one takes longer than asking."""
