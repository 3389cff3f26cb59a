"""People and their keys, sessions and links: what stops, stops at once; one admin is always left."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.exc import DBAPIError
from tests.access.conftest import SYSTEM

from tuneloop.access import audit, generation, keys, passwords, people, sessions, sign_in, tokens
from tuneloop.access.callers import KEPT, Callers
from tuneloop.access.people import Person
from tuneloop.access.permissions import permissions_of
from tuneloop.access.sign_in import SignInError
from tuneloop.access.throttle import NAME, ThrottledError
from tuneloop.errors import ConflictError, NotFoundError, UsageError
from tuneloop.store import Workspace
from tuneloop.store.access_tables import api_keys, sign_in_attempts, sign_in_links
from tuneloop.store.access_tables import sessions as sessions_table
from tuneloop.store.database import now

GOOD = "correct horse 电池"


def everything(ws: Workspace) -> str:
    """All rows of all tables as one text, to look for secrets in."""
    from tuneloop.store.schema import metadata

    with ws.db.read() as connection:
        return "\n".join(
            str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(table.select())
        )


def test_names_that_look_the_same_are_the_same(ws: Workspace, admin: Person) -> None:
    assert people.find(ws, "ａｄａ ").id == admin.id
    with pytest.raises(ConflictError, match="already"):
        people.create(ws, SYSTEM, "ADA", "viewer")
    assert people.create(ws, SYSTEM, "王芳", "labeller").name == "王芳"
    for bad in ("", " ", "a\u200bda", "x" * 65, "a\nb"):
        with pytest.raises(UsageError, match="name"):
            people.create(ws, SYSTEM, bad, "viewer")
    with pytest.raises(UsageError, match="one of viewer, labeller, trainer, admin"):
        people.create(ws, SYSTEM, "Bo", "root")  # type: ignore[arg-type]


def test_the_last_admin_stays(ws: Workspace, admin: Person) -> None:
    for attempt in (
        lambda: people.change(ws, SYSTEM, admin.id, role="trainer"),
        lambda: people.change(ws, SYSTEM, admin.id, disabled=True),
        lambda: people.remove(ws, SYSTEM, admin.id),
    ):
        with pytest.raises(ConflictError, match="last admin"):
            attempt()
    second = people.create(ws, SYSTEM, "Bo", "admin")
    people.change(ws, SYSTEM, second.id, disabled=True)
    with pytest.raises(ConflictError, match="last admin"):  # one who is shut out does not count
        people.change(ws, SYSTEM, admin.id, role="viewer")
    people.change(ws, SYSTEM, second.id, disabled=False)
    people.remove(ws, SYSTEM, admin.id)


def test_of_two_admins_who_demote_each_other_at_once_one_is_left(ws: Workspace, admin: Person) -> None:
    second = people.create(ws, SYSTEM, "Bo", "admin")
    gate, refused = threading.Barrier(2), []

    def demote(who: str) -> None:
        gate.wait()
        try:
            people.change(ws, SYSTEM, who, role="viewer")
        except ConflictError:
            refused.append(who)

    threads = [threading.Thread(target=demote, args=(one,)) for one in (admin.id, second.id)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [one.role for one in people.people(ws)].count("admin") == 1


def test_a_key_is_shown_once_and_kept_as_a_hash(ws: Workspace, admin: Person) -> None:
    key, secret = keys.create(ws, SYSTEM, admin.id, "laptop")
    assert secret.startswith("tl-")
    assert len(secret) >= 46
    assert key.prefix == secret[:9]
    assert secret not in everything(ws)
    assert secret[9:] not in everything(ws)
    caller = Callers(ws).find(secret)
    assert caller is not None
    assert (caller.user, caller.key, caller.held) == (admin.id, key.id, permissions_of("admin"))
    for forged in (secret[:-1], secret + "x", secret.upper(), "tl-", "", "tl-" + "\udcff", "ts-" + secret[3:]):
        assert Callers(ws).find(forged) is None


def test_a_key_can_do_less_and_never_more_than_its_person(ws: Workspace, admin: Person) -> None:
    trainer = people.create(ws, SYSTEM, "Bo", "trainer")
    _, secret = keys.create(ws, SYSTEM, trainer.id, "ci", scopes=["jobs:write", "jobs:read"])
    callers = Callers(ws)
    found = callers.find(secret)
    assert found is not None
    assert found.held == {"jobs:write", "jobs:read"}
    for bad, match in ((["people:manage"], "trainer holds"), (["jobs:wirte"], "jobs:write"), ([], "nothing")):
        with pytest.raises(UsageError, match=match):
            keys.create(ws, SYSTEM, trainer.id, "ci", scopes=bad)
    people.change(ws, SYSTEM, trainer.id, role="viewer")
    found = callers.find(secret)
    assert found is not None
    assert found.held == {"jobs:read"}


def test_what_is_taken_away_stops_at_once_here_and_within_a_second_elsewhere(ws: Workspace, admin: Person) -> None:
    person = people.create(ws, SYSTEM, "Bo", "viewer", GOOD)
    session = sign_in.with_password(ws, "bo", GOOD, "10.0.0.1")
    revoked, first = keys.create(ws, SYSTEM, person.id, "one")
    _, second = keys.create(ws, SYSTEM, person.id, "two")
    callers = Callers(ws)
    assert all(callers.find(secret) for secret in (session, first, second))
    assert all(callers.remembered(secret) for secret in (session, first, second))

    keys.revoke(ws, SYSTEM, revoked.id)
    assert callers.find(first) is None
    assert callers.find(second) is not None
    people.change(ws, SYSTEM, person.id, disabled=True)
    assert callers.find(second) is None
    assert callers.find(session) is None
    people.change(ws, SYSTEM, person.id, disabled=False)
    assert callers.find(second) is not None
    assert callers.find(session) is None  # signing in is asked again

    # another process revokes: nobody tells this one
    with ws.db.write() as connection:
        connection.execute(update(api_keys).values(revoked=now()))
    assert callers.find(second) is not None
    kept = callers._kept[tokens.digest(second)]
    callers._kept[tokens.digest(second)] = type(kept)(kept.caller, kept.until - KEPT, kept.generation, kept.due)
    assert callers.find(second) is None

    people.remove(ws, SYSTEM, person.id)
    assert keys.keys(ws, person=person.id) == []


def test_a_right_read_before_it_was_taken_is_not_trusted_after(ws: Workspace, admin: Person) -> None:
    """A reader that began before the revocation and ends after it leaves an entry that nobody uses."""
    key, secret = keys.create(ws, SYSTEM, admin.id, "laptop")
    callers = Callers(ws)
    before = generation.current
    assert callers.find(secret) is not None
    stale = callers._kept[tokens.digest(secret)]
    keys.revoke(ws, SYSTEM, key.id)
    callers._kept[tokens.digest(secret)] = stale
    assert before() > stale.generation
    assert callers.find(secret) is None


def test_keys_expire_by_the_databases_clock(ws: Workspace, admin: Person) -> None:
    _, secret = keys.create(ws, SYSTEM, admin.id, "short", days=1)
    assert Callers(ws).find(secret) is not None
    with ws.db.write() as connection:
        connection.execute(update(api_keys).values(expires=now() - 0.001))
    assert Callers(ws).find(secret) is None
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="days"):
            keys.create(ws, SYSTEM, admin.id, "short", days=bad)


def test_last_use_is_written_at_most_once_a_minute(ws: Workspace, admin: Person) -> None:
    key, secret = keys.create(ws, SYSTEM, admin.id, "laptop")
    callers = Callers(ws)
    caller = callers.find(secret)
    assert caller is not None
    assert callers.due(secret)
    callers.touch(caller)
    assert keys.find(ws, key.id).seen is not None
    assert not callers.due(secret)
    other = Callers(ws)
    assert other.find(secret) is not None
    assert not other.due(secret)
    with ws.db.write() as connection:
        connection.execute(update(api_keys).values(seen=now() - 61))
    third = Callers(ws)
    assert third.find(secret) is not None
    assert third.due(secret)


def test_a_lookup_is_one_indexed_read(ws: Workspace, admin: Person) -> None:
    _, key = keys.create(ws, SYSTEM, admin.id, "laptop")
    session = sign_in.with_link(ws, sign_in.make_link(ws, SYSTEM, admin.id), "10.0.0.1")
    asked: list[tuple[str, Any]] = []
    callers = Callers(ws)

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(ws.db.engine, "before_cursor_execute", note)
    try:
        for secret in (key, session):
            for _ in range(5):
                assert callers.find(secret) is not None
    finally:
        event.remove(ws.db.engine, "before_cursor_execute", note)
    assert len(asked) == 2
    if ws.db.engine.dialect.name == "sqlite":
        for statement, parameters in asked:
            with ws.db.read() as connection:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert all(row[3].startswith("SEARCH") for row in plan), plan


def test_sessions_end_when_idle_and_after_a_week(ws: Workspace, admin: Person) -> None:
    for column, age in (("seen", sessions.IDLE), ("expires", 0.0)):
        token = sign_in.with_link(ws, sign_in.make_link(ws, SYSTEM, admin.id), "10.0.0.1", "Firefox")
        assert Callers(ws).find(token) is not None
        assert token not in everything(ws)
        with ws.db.write() as connection:
            connection.execute(update(sessions_table).values({column: now() - age}))
        assert Callers(ws).find(token) is None
        assert sessions.sessions(ws, admin.id) == []


def test_a_person_sees_and_ends_their_sessions(ws: Workspace, admin: Person) -> None:
    tokens_ = [sign_in.with_link(ws, sign_in.make_link(ws, SYSTEM, admin.id), f"10.0.0.{n}") for n in range(3)]
    callers = Callers(ws)
    shown = sessions.sessions(ws, admin.id)
    assert {one.address for one in shown} == {"10.0.0.0", "10.0.0.1", "10.0.0.2"}
    first = callers.find(tokens_[0])
    assert first is not None
    assert first.session is not None
    with pytest.raises(NotFoundError):
        sessions.end(ws, SYSTEM, first.session, person="person-99")
    sessions.end(ws, SYSTEM, first.session, person=admin.id)
    assert [callers.find(token) is None for token in tokens_] == [True, False, False]
    assert sessions.end_all(ws, SYSTEM, admin.id) == 2
    assert not any(callers.find(token) for token in tokens_)


def test_a_link_works_once_and_not_after_its_time(ws: Workspace, admin: Person) -> None:
    link = sign_in.make_link(ws, SYSTEM, admin.id)
    assert link not in everything(ws)
    assert sign_in.with_link(ws, link, "10.0.0.1")
    with pytest.raises(SignInError, match="used already"):
        sign_in.with_link(ws, link, "10.0.0.1")
    late = sign_in.make_link(ws, SYSTEM, admin.id)
    with ws.db.write() as connection:
        connection.execute(update(sign_in_links).values(expires=now()))
    with pytest.raises(SignInError):
        sign_in.with_link(ws, late, "10.0.0.1")
    other = people.create(ws, SYSTEM, "Bo", "viewer")
    shut = sign_in.make_link(ws, SYSTEM, other.id)
    people.change(ws, SYSTEM, other.id, disabled=True)
    with pytest.raises(SignInError):
        sign_in.with_link(ws, shut, "10.0.0.1")
    with pytest.raises(ConflictError, match="shut out"):
        sign_in.make_link(ws, SYSTEM, other.id)


def test_of_many_who_use_one_link_at_once_one_gets_in(ws: Workspace, admin: Person) -> None:
    link, gate, won = sign_in.make_link(ws, SYSTEM, admin.id), threading.Barrier(6), []

    def use(number: int) -> None:
        gate.wait()
        with suppress(SignInError):
            won.append(sign_in.with_link(ws, link, f"10.0.0.{number}"))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_passwords_are_argon2id_and_what_is_guessed_first_is_refused(ws: Workspace, admin: Person) -> None:
    kept = passwords.hashed(GOOD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(GOOD, kept)
    assert not passwords.matches(GOOD + " ", kept)
    assert not passwords.matches(GOOD, None)
    assert not passwords.matches(GOOD, "not a hash")
    assert not passwords.matches("\ud800" * 12, kept)
    long = "长" * 200 + "x1y2z"
    assert passwords.matches(long, passwords.hashed(long))
    assert not passwords.matches(long + "x" * 300, passwords.hashed((long + "x" * 300)[:256]))
    for bad in ("short", "x" * 257, "123456789012", "aaaaaaaaaaaa", "abcabcabcabcabc", "abcdefghijklmno",
                "PASSWORD1234", "ada-anna-ada"):  # fmt: skip
        with pytest.raises(UsageError, match="password"):
            passwords.check(bad, "ada-anna")
    passwords.check("alllowercasewithoutdigits", "ada")  # no kind of character is demanded
    old = "$argon2id$v=19$m=8,t=1,p=1$" + kept.split("$", 4)[4]
    assert passwords.outdated(old)


def test_a_new_password_ends_sessions_and_links(ws: Workspace, admin: Person) -> None:
    people.set_password(ws, SYSTEM, admin.id, GOOD)
    mine, other = (sign_in.with_password(ws, "ADA", GOOD, "10.0.0.1") for _ in range(2))
    link = sign_in.make_link(ws, SYSTEM, admin.id)
    callers = Callers(ws)
    caller = callers.find(mine)
    assert caller is not None
    with pytest.raises(SignInError, match="old password"):
        sign_in.change_own_password(ws, caller.actor(), "something else", "a new passphrase", caller.session)
    sign_in.change_own_password(ws, caller.actor(), GOOD, "a new passphrase", caller.session)
    assert callers.find(mine) is not None
    assert callers.find(other) is None
    with pytest.raises(SignInError):
        sign_in.with_link(ws, link, "10.0.0.1")
    with pytest.raises(SignInError):
        sign_in.with_password(ws, "Ada", GOOD, "10.0.0.1")
    assert sign_in.with_password(ws, "Ada", "a new passphrase", "10.0.0.1")


def test_the_audit_log_is_only_added_to(ws: Workspace, admin: Person) -> None:
    for change in ("UPDATE audit SET name = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="only added to"), ws.db.write() as connection:
            connection.execute(text(change))
    assert [one.action for one in audit.entries(ws)] == ["person.create"]


def test_the_audit_log_says_who_what_and_never_a_secret(ws: Workspace, admin: Person) -> None:
    by = audit.Actor(admin.id, admin.name, None, "10.1.1.1")
    person = people.create(ws, by, "Bo", "viewer", GOOD)
    key, secret = keys.create(ws, by, person.id, "ci", scopes=["jobs:read"], days=30)
    link = sign_in.make_link(ws, by, person.id)
    sign_in.with_password(ws, "Bo", GOOD, "10.2.2.2")
    with pytest.raises(SignInError):
        sign_in.with_password(ws, "Bo", "not the password", "10.3.3.3")
    keys.revoke(ws, by, key.id)
    keys.revoke(ws, by, key.id)
    found = audit.entries(ws)
    assert [(one.action, one.outcome) for one in found] == [
        ("key.revoke", "done"), ("session.begin", "refused"), ("session.begin", "done"), ("link.create", "done"),
        ("key.create", "done"), ("person.create", "done"), ("person.create", "done"),
    ]  # fmt: skip
    assert (found[1].address, found[1].name, found[1].person) == ("10.3.3.3", "Bo", None)
    assert found[4].details == {"person": person.id, "scopes": ["jobs:read"], "days": 30}
    told = everything(ws)
    assert not [one for one in (GOOD, secret, link, "not the password") if one in told]
    assert [one.number for one in audit.entries(ws, action="key.*")] == [found[0].number, found[4].number]
    assert [one.number for one in audit.entries(ws, limit=2, below=found[1].number)] == [
        one.number for one in found[2:4]
    ]
    assert len(audit.entries(ws, outcome="refused")) == 1
    with pytest.raises(ValueError, match="takes no secrets"), ws.db.write() as connection:
        audit.note(connection, by, "x", "y", password="z")


def test_attempts_are_throttled_by_name_and_by_address(ws: Workspace, admin: Person) -> None:
    people.set_password(ws, SYSTEM, admin.id, GOOD)
    for number in range(NAME.most):
        with pytest.raises(SignInError):
            sign_in.with_password(ws, "Ada", "wrong wrong wrong", f"10.0.0.{number}")
    with pytest.raises(ThrottledError) as caught:  # even the right one, from anywhere, in any spelling
        sign_in.with_password(ws, "ａDA", GOOD, "10.9.9.9")
    assert 0 < caught.value.seconds <= NAME.seconds
    assert sign_in.with_link(ws, sign_in.make_link(ws, SYSTEM, admin.id), "10.9.9.9")  # a link goes on
    with ws.db.write() as connection:  # a minute later, by the database's clock
        connection.execute(update(sign_in_attempts).values(time=sign_in_attempts.c.time - NAME.seconds))
    assert sign_in.with_password(ws, "Ada", GOOD, "10.9.9.9")
    for _ in range(NAME.most):  # success has forgotten the failures
        with pytest.raises(SignInError):
            sign_in.with_password(ws, "Ada", "wrong wrong wrong", "10.0.0.77")


def test_one_address_cannot_try_many_names(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "matches", lambda *_: False)  # 64 MiB and 0.1 s each are tested above
    for number in range(20):
        with pytest.raises(SignInError):
            sign_in.with_password(ws, f"name {number}", "x", f"2001:db8::{number:x}")
    with pytest.raises(ThrottledError):
        sign_in.with_password(ws, "another", "x", "2001:db8::ffff")  # the same /64
    with pytest.raises(ThrottledError):
        sign_in.with_link(ws, "ln-x", "2001:db8::1")
    with pytest.raises(SignInError):
        sign_in.with_password(ws, "another", "x", "2001:db8:1::1")


def test_attempts_at_once_are_all_counted(ws: Workspace, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "matches", lambda *_: False)
    gate, seen = threading.Barrier(12), []

    def try_it() -> None:
        gate.wait()
        try:
            sign_in.with_password(ws, "Ada", "x", "10.0.0.1")
        except (SignInError, ThrottledError) as error:
            seen.append(type(error))

    threads = [threading.Thread(target=try_it) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.count(SignInError) == NAME.most
    assert seen.count(ThrottledError) == 12 - NAME.most


def test_a_clock_that_went_back_locks_nobody_out(ws: Workspace, admin: Person) -> None:
    people.set_password(ws, SYSTEM, admin.id, GOOD)
    with pytest.raises(SignInError):
        sign_in.with_password(ws, "Ada", "wrong wrong wrong", "10.0.0.1")
    with ws.db.write() as connection:
        connection.execute(update(sign_in_attempts).values(time=now() + 86_400 * 365))
    assert sign_in.with_password(ws, "Ada", GOOD, "10.0.0.1")


def test_the_first_start_makes_one_admin_even_when_two_start(ws: Workspace) -> None:
    gate, made = threading.Barrier(3), []

    def start() -> None:
        gate.wait()
        made.append(sign_in.begin_workspace(ws, SYSTEM))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (first,) = [one for one in made if one is not None]
    assert [one.name for one in people.people(ws)] == ["admin"]
    assert Callers(ws).find(first.secret) is not None
    assert sign_in.with_link(ws, first.link, "127.0.0.1")
