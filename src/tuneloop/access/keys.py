"""API keys, `tl-…`: shown once, kept as a hash, belonging to a person.

A key may do what its person's role may do, or less (`scopes`).  Rights are computed when it is used: a person who gets
a lower role takes the keys down with them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy import Connection, insert, select, update

from tuneloop.access import generation, tokens
from tuneloop.access.audit import Actor, note
from tuneloop.access.permissions import Permission, Role, permissions_of
from tuneloop.errors import NotFoundError, UsageError, Where, nearest
from tuneloop.store import Workspace
from tuneloop.store.access_tables import api_keys as table
from tuneloop.store.access_tables import people
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, next_number

DAY = 86_400.0
LONGEST_NAME = 64


@dataclass(frozen=True)
class ApiKey:
    """`person` is the owner's id; `scopes` None means all that the role may do."""

    id: str
    number: int
    prefix: str
    name: str
    person: str
    scopes: tuple[Permission, ...] | None
    per_minute: int | None
    created: str
    expires: str | None
    revoked: str | None
    seen: str | None


def create(
    ws: Workspace,
    by: Actor,
    person: str,
    name: str,
    *,
    scopes: Collection[str] | None = None,
    days: float | None = None,
    per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """A key and its secret, which nobody can show again.  `days` until it expires; None: it does not."""
    with ws.db.write(durable=True) as connection:
        return add(connection, by, person, name, scopes=scopes, days=days, per_minute=per_minute)


def add(
    connection: Connection,
    by: Actor,
    person: str,
    name: str,
    *,
    scopes: Collection[str] | None = None,
    days: float | None = None,
    per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """`create` inside a transaction."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise UsageError(
            f"found the name {name[:80]!r}", expected=f"1 to {LONGEST_NAME} characters", where=Where(field="name")
        )
    if days is not None and not 0 < days <= 36_500:
        raise UsageError(f"found {days} days", expected="a number above 0, at most 36500", where=Where(field="days"))
    if per_minute is not None and per_minute < 1:
        raise UsageError(f"found {per_minute}", expected="at least 1", where=Where(field="per_minute"))
    owner = connection.execute(select(people).where(people.c.id == person)).mappings().first()
    if owner is None:
        raise NotFoundError(f"there is no person {person!r}")
    number, secret, now = next_number(connection, "key"), tokens.new(tokens.KEY), clock(connection)
    row = {
        "id": f"key-{number}",
        "number": number,
        "digest": tokens.digest(secret),
        "prefix": secret[: tokens.SHOWN],
        "name": name,
        "person": person,
        "scopes": None if scopes is None else list(checked_scopes(scopes, owner["role"])),
        "per_minute": per_minute,
        "created": now,
        "expires": None if days is None else now + days * DAY,
        "revoked": None,
        "seen": None,
    }
    connection.execute(insert(table).values(row))
    note(connection, by, "key.create", str(row["id"]), person=person, scopes=row["scopes"], days=days)
    return _key(row), secret


def revoke(ws: Workspace, by: Actor, key: str) -> ApiKey:
    """The key stops at once; revoking it again changes nothing."""
    with ws.db.write(durable=True) as connection:
        row = _row(connection, key)
        if row["revoked"] is None:
            connection.execute(update(table).where(table.c.id == key).values(revoked=clock(connection)))
            note(connection, by, "key.revoke", key, person=row["person"])
        found = _key(_row(connection, key))
    generation.changed()
    return found


def find(ws: Workspace, key: str) -> ApiKey:
    with ws.db.read() as connection:
        return _key(_row(connection, key))


def keys(
    ws: Workspace, *, person: str | None = None, below: int | None = None, limit: int | None = None
) -> list[ApiKey]:
    """Keys, newest first, of everybody or of one person."""
    query = select(table).order_by(table.c.number.desc()).limit(limit)
    if person is not None:
        query = query.where(table.c.person == person)
    if below is not None:
        query = query.where(table.c.number < below)
    with ws.db.read() as connection:
        return [_key(row) for row in connection.execute(query).mappings()]


def checked_scopes(scopes: Collection[str], role: Role) -> list[Permission]:
    """Scopes in the order of the permissions; `UsageError` for one that does not exist or that the role lacks."""
    known, held = get_args(Permission), permissions_of(role)
    where = Where(field="scopes")
    if not scopes:
        raise UsageError("the key would be allowed nothing", expected="at least one scope", where=where)
    for scope in scopes:
        if scope not in known:
            hint = nearest(scope, known)
            raise UsageError(f"there is no scope {scope!r}", where=where, do=hint[0].upper() + hint[1:])
        if scope not in held:
            raise UsageError(f"found the scope {scope!r}", expected=f"one that a {role} holds", where=where)
    return [one for one in known if one in scopes]


def _row(connection: Connection, key: str) -> Mapping[Any, Any]:
    row = connection.execute(select(table).where(table.c.id == key)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no key {key!r}")
    return row


def _key(row: Mapping[Any, Any]) -> ApiKey:
    def text(seconds: float | None) -> str | None:
        return None if seconds is None else created_text(seconds)

    return ApiKey(
        id=row["id"],
        number=row["number"],
        prefix=row["prefix"],
        name=row["name"],
        person=row["person"],
        scopes=None if row["scopes"] is None else tuple(row["scopes"]),
        per_minute=row["per_minute"],
        created=created_text(row["created"]),
        expires=text(row["expires"]),
        revoked=text(row["revoked"]),
        seen=text(row["seen"]),
    )
