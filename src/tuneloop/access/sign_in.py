"""Signing in: by name and password, or by a link that works once.

Whether a name exists cannot be told from the answer or its time.  Each success and each failure stands in the audit
log; what was typed does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select, update

from tuneloop.access import keys, passwords, people, sessions, throttle, tokens
from tuneloop.access.audit import Actor, note
from tuneloop.access.keys import ApiKey
from tuneloop.access.people import Person, folded
from tuneloop.errors import ConflictError, TuneloopError, UsageError, Where
from tuneloop.store import Workspace
from tuneloop.store.access_tables import api_keys
from tuneloop.store.access_tables import people as people_table
from tuneloop.store.access_tables import sign_in_links as links
from tuneloop.store.database import clock
from tuneloop.store.tables import lock_kind

LINK_HOURS = 24.0
FIRST = "admin"
"""The name of the person whom the first start makes."""


class SignInError(TuneloopError):
    """Refused; the sentence doesn't say whether the name, the password or the person was wrong."""

    code = "sign_in_refused"


@dataclass(frozen=True)
class First:
    """What the first start shows once."""

    person: Person
    key: ApiKey
    secret: str
    link: str


def with_password(ws: Workspace, name: str, password: str, address: str, agent: str = "") -> str:
    """The token of a new session; `SignInError`, or `ThrottledError` after too many attempts."""
    throttle.attempt(ws, name, address)
    with ws.db.read() as connection:
        query = select(people_table).where(people_table.c.folded == folded(name))
        row = connection.execute(query).mappings().first()
    kept = row["password"] if row is not None else None
    right = passwords.matches(password, kept)
    if not right or row is None or kept is None or row["disabled"]:
        _refused(ws, Actor(None, name[:64], address=address), "password")
        raise SignInError("this name and password do not go together", do="Check both, or ask an admin for a link")
    better = passwords.hashed(password) if passwords.outdated(kept) else None
    with ws.db.write() as connection:
        same = select(people_table.c.id).where(
            people_table.c.id == row["id"], people_table.c.password == kept, people_table.c.disabled.is_(False)
        )
        if connection.execute(same.with_for_update()).first() is None:
            raise SignInError("this name and password do not go together", do="Check both, or ask an admin for a link")
        if better is not None:
            connection.execute(update(people_table).where(people_table.c.id == row["id"]).values(password=better))
        throttle.succeeded(connection, name, address)
        return _begun(connection, row["id"], row["name"], address, agent, "password")


def with_link(ws: Workspace, link: str, address: str, agent: str = "") -> str:
    """The token of a new session; the link is used up."""
    throttle.attempt(ws, None, address)
    with ws.db.write(durable=True) as connection:
        now = clock(connection)
        gone = delete(links).where(links.c.digest == tokens.digest(link)).returning(links.c.person, links.c.expires)
        found = connection.execute(gone).first()
        person = None
        if found is not None and found.expires > now:
            query = select(people_table).where(people_table.c.id == found.person, people_table.c.disabled.is_(False))
            person = connection.execute(query).first()
        if person is not None:
            throttle.succeeded(connection, None, address)
            return _begun(connection, person.id, person.name, address, agent, "link")
    _refused(ws, Actor(None, "unknown", address=address), "link")
    raise SignInError(
        "this sign-in link was used already, has expired or was never made",
        do="Ask an admin for another, or make one on the server: tuneloop keys link",
    )


def make_link(ws: Workspace, by: Actor, person: str, hours: float = LINK_HOURS) -> str:
    """A secret that signs this person in once, within `hours`."""
    with ws.db.write(durable=True) as connection:
        row = connection.execute(select(people_table).where(people_table.c.id == person)).first()
        if row is not None and row.disabled:
            raise ConflictError(f"{row.name} is shut out", do="Let them in again first")
        return add_link(connection, by, person, hours)


def add_link(connection: Connection, by: Actor, person: str, hours: float = LINK_HOURS) -> str:
    """`make_link` inside a transaction."""
    if not 0 < hours <= 24 * 30:
        raise UsageError(f"found {hours} hours", expected="above 0, at most 720", where=Where(field="hours"))
    now, secret = clock(connection), tokens.new(tokens.LINK)
    connection.execute(delete(links).where(links.c.expires <= now))
    row = {"digest": tokens.digest(secret), "person": person, "created": now, "expires": now + hours * 3600}
    connection.execute(insert(links).values(row))
    note(connection, by, "link.create", person, hours=hours)
    return secret


def begin_workspace(ws: Workspace, by: Actor) -> First | None:
    """On a workspace without people make the first admin with a key and a link; of two that try, one does."""
    with ws.db.read() as connection:
        if _anybody(connection):
            return None
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "person")
        if _anybody(connection):
            return None
        person = people.add(connection, by, FIRST, "admin")
        key, secret = keys.add(connection, by, person.id, "first start")
        return First(person, key, secret, add_link(connection, by, person.id))


def admin_can_enter(ws: Workspace) -> bool:
    """Whether some admin has a password or a key that works."""
    with ws.db.read() as connection:
        now = clock(connection)
        live = api_keys.c.revoked.is_(None) & (api_keys.c.expires.is_(None) | (api_keys.c.expires > now))
        keyed = select(api_keys.c.person).where(live)
        query = select(people_table.c.id).where(
            people_table.c.role == "admin",
            people_table.c.disabled.is_(False),
            people_table.c.password.is_not(None) | people_table.c.id.in_(keyed),
        )
        return connection.execute(query.limit(1)).first() is not None


def change_own_password(ws: Workspace, by: Actor, old: str | None, new: str, session: str | None) -> Person:
    """Another password for oneself: the old one must be known where there is one.  Other sessions end."""
    if by.person is None:
        raise UsageError("nobody is signed in")
    throttle.attempt(ws, by.name, by.address)
    with ws.db.read() as connection:
        query = select(people_table.c.password).where(people_table.c.id == by.person)
        kept = connection.execute(query).scalar()
    if kept is not None and not passwords.matches(old or "", kept):
        _refused(ws, by, "password change")
        raise SignInError("the old password is another one")
    found = people.set_password(ws, by, by.person, new, keep_session=session)
    with ws.db.write() as connection:
        throttle.succeeded(connection, by.name, by.address)
    return found


def _begun(connection: Connection, person: str, name: str, address: str, agent: str, how: str) -> str:
    by = replace(Actor(person, name), address=address)
    note(connection, by, "session.begin", person, how=how)
    return sessions.begin(connection, person, address, agent)


def _refused(ws: Workspace, by: Actor, how: str) -> None:
    with ws.db.write() as connection:
        note(connection, by, "session.begin", "", "refused", how=how)


def _anybody(connection: Connection) -> bool:
    return connection.execute(select(people_table.c.id).limit(1)).first() is not None
