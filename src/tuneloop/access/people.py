"""People: a name to sign in with, a role, perhaps a password.  At least one admin is always left.

Taking something away (a role, a password, the person) counts at once: rights are computed from these rows whenever a
key or session is used, and a new password ends the person's sessions and sign-in links.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from tuneloop.access import generation, passwords
from tuneloop.access.audit import Actor, note
from tuneloop.access.permissions import ROLES, Role
from tuneloop.errors import ConflictError, NotFoundError, UsageError, Where
from tuneloop.store import Workspace
from tuneloop.store.access_tables import people as table
from tuneloop.store.access_tables import sessions, sign_in_links
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, lock_kind, next_number

LONGEST_NAME = 64


@dataclass(frozen=True)
class Person:
    id: str
    number: int
    name: str
    role: Role
    has_password: bool
    disabled: bool
    created: str


def folded(name: str) -> str:
    """Names that look the same are the same: NFKC, no case."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def create(ws: Workspace, by: Actor, name: str, role: Role, password: str | None = None) -> Person:
    """A new person; `ConflictError` when the name is taken."""
    kept = _hash(password, name) if password is not None else None
    with ws.db.write(durable=True) as connection:
        return add(connection, by, name, role, kept)


def add(connection: Connection, by: Actor, name: str, role: Role, password: str | None = None) -> Person:
    """`create` inside a transaction; `password` is a hash."""
    name, role = checked_name(name), checked_role(role)
    lock_kind(connection, "person")
    if connection.execute(select(table.c.id).where(table.c.folded == folded(name))).first():
        raise ConflictError(f"there is a person called {name!r} already", where=Where(field="name"))
    number = next_number(connection, "person")
    row = {
        "id": f"person-{number}",
        "number": number,
        "name": name,
        "folded": folded(name),
        "role": role,
        "password": password,
        "disabled": False,
        "created": clock(connection),
    }
    connection.execute(insert(table).values(row))
    note(connection, by, "person.create", str(row["id"]), name=name, role=role)
    return _person(row)


def find(ws: Workspace, who: str) -> Person:
    """By id or name."""
    with ws.db.read() as connection:
        return _person(_row(connection, who))


def people(ws: Workspace, *, above: int = 0, limit: int | None = None) -> list[Person]:
    """Everybody in the order they came; `above` a number goes on where an earlier page ended."""
    query = select(table).where(table.c.number > above).order_by(table.c.number).limit(limit)
    with ws.db.read() as connection:
        return [_person(row) for row in connection.execute(query).mappings()]


def change(ws: Workspace, by: Actor, who: str, *, role: Role | None = None, disabled: bool | None = None) -> Person:
    """Another role, or shut out and let in again."""
    with ws.db.write(durable=True) as connection:
        row = _locked(connection, who)
        wanted: dict[str, Any] = {"role": checked_role(role or row["role"]), "disabled": row["disabled"]}
        if disabled is not None:
            wanted["disabled"] = disabled
        changed = {name: value for name, value in wanted.items() if row[name] != value}
        if changed:
            if wanted["role"] != "admin" or wanted["disabled"]:
                _keep_an_admin(connection, row)
            connection.execute(update(table).where(table.c.id == row["id"]).values(changed))
            if wanted["disabled"]:
                end_ways_in(connection, row["id"])
            note(connection, by, "person.change", row["id"], **changed)
        found = _person(_row(connection, row["id"]))
    generation.changed()
    return found


def set_password(ws: Workspace, by: Actor, who: str, password: str | None, keep_session: str | None = None) -> Person:
    """A new password, or none; sessions and links made before end, but for `keep_session` (an id)."""
    person = find(ws, who)
    kept = _hash(password, person.name) if password is not None else None
    with ws.db.write(durable=True) as connection:
        row = _locked(connection, person.id)
        connection.execute(update(table).where(table.c.id == row["id"]).values(password=kept))
        end_ways_in(connection, row["id"], keep_session)
        note(connection, by, "person.password", row["id"], removed=password is None)
        found = _person(_row(connection, row["id"]))
    generation.changed()
    return found


def remove(ws: Workspace, by: Actor, who: str) -> None:
    """The person, with all keys, sessions and links.  What the audit log says of them stays."""
    with ws.db.write(durable=True) as connection:
        row = _locked(connection, who)
        _keep_an_admin(connection, row)
        connection.execute(delete(table).where(table.c.id == row["id"]))
        note(connection, by, "person.remove", row["id"], name=row["name"])
    generation.changed()


def end_ways_in(connection: Connection, person: str, keep_session: str | None = None) -> None:
    """End sessions and sign-in links.  Keys stay: they belong to programs."""
    connection.execute(
        delete(sessions).where(sessions.c.person == person, sessions.c.id != (keep_session or "")),
    )
    connection.execute(delete(sign_in_links).where(sign_in_links.c.person == person))


def checked_name(name: str) -> str:
    found = unicodedata.normalize("NFC", name).strip()
    where = Where(field="name")
    if not 1 <= len(found) <= LONGEST_NAME:
        raise UsageError(f"the name has {len(found)} characters", expected=f"1 to {LONGEST_NAME}", where=where)
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for letter in found):
        raise UsageError("the name holds characters that cannot be seen", where=where)
    return found


def checked_role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise UsageError(f"found the role {role!r}", expected=f"one of {', '.join(ROLES)}", where=Where(field="role"))


def _hash(password: str, name: str) -> str:
    passwords.check(password, name)
    return passwords.hashed(password)


def _keep_an_admin(connection: Connection, row: Mapping[Any, Any]) -> None:
    if row["role"] != "admin" or row["disabled"]:
        return
    others = select(func.count()).where(table.c.role == "admin", table.c.disabled.is_(False), table.c.id != row["id"])
    if not connection.execute(others).scalar_one():
        raise ConflictError(f"{row['name']} is the last admin", do="Make somebody else an admin first")


def _locked(connection: Connection, who: str) -> Mapping[Any, Any]:
    lock_kind(connection, "person")  # two admins who demote each other at once must not both succeed
    return _row(connection, who)


def _row(connection: Connection, who: str) -> Mapping[Any, Any]:
    query = select(table).where((table.c.id == who) | (table.c.folded == folded(who)))
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no person {who!r}")
    return row


def _person(row: Mapping[Any, Any]) -> Person:
    return Person(
        id=row["id"],
        number=row["number"],
        name=row["name"],
        role=row["role"],
        has_password=row["password"] is not None,
        disabled=row["disabled"],
        created=created_text(row["created"]),
    )
