"""Who may ask what: every route and every role; forged, expired and revoked keys; sessions, CSRF, hosts, origins."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from tests.http.team import SYSTEM, Team, make_team
from tests.jobs.served import chat_lines, jsonl, served_app

from tuneloop.access import audit, keys, people, sign_in
from tuneloop.access.permissions import ROLES, permissions_of
from tuneloop.app.http import application
from tuneloop.app.http.answers import Answers
from tuneloop.app.http.guarding_hosts import host_of
from tuneloop.app.http.security import OPEN, SIGNED_IN
from tuneloop.app.http.settings import Rules, ServeSettings, rules_for
from tuneloop.serve.backends.fake import FakeBackend
from tuneloop.store.access_tables import api_keys, sessions
from tuneloop.store.access_tables import people as people_table
from tuneloop.store.database import now
from tuneloop.store.schema import metadata

GOOD = "correct horse 电池"


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    made = make_team(tmp_path)
    yield made
    made.ws.close()


def signed_in(team: Team, role: str = "admin", base_url: str = "http://127.0.0.1:8400") -> TestClient:
    """A browser with a session; its CSRF token is sent along."""
    browser = team.browser(base_url)
    link = sign_in.make_link(team.ws, SYSTEM, team.people[role])
    answer = browser.post("/api/session", json={"link": link})
    assert answer.status_code == 200, answer.text
    browser.headers["x-csrf-token"] = answer.json()["csrf"]
    return browser


def code(answer: object) -> str:
    return str(answer.json()["error"]["code"])  # type: ignore[attr-defined]


def test_every_route_and_every_role(team: Team) -> None:
    """Who lacks the permission gets 401 or 403 and nothing else; who has it gets past."""
    clients = {role: team.client(role) for role in ROLES} | {None: team.client()}
    checked = 0
    for path, route in application.routes(application.routers()):
        permission = application.permission_of(route)
        url = re.sub(r"\{[^}]+\}", "nothing-there", path)
        for method in sorted(route.methods or ()):
            for role, client in clients.items():
                body = None if method in ("GET", "DELETE") else b"[]"
                answer = client.request(method, url, content=body, headers={"content-type": "application/json"})
                told = f"{method} {path} as {role}: {answer.status_code} {answer.text[:200]}"
                if permission == OPEN:
                    assert answer.status_code != 403, told
                elif role is None:
                    assert (answer.status_code, code(answer)) == (401, "invalid_api_key"), told
                elif permission != SIGNED_IN and permission not in permissions_of(role):
                    assert (answer.status_code, code(answer)) == (403, "insufficient_permissions"), told
                else:
                    assert answer.status_code not in (401, 403) or code(answer) == "session_required", told
                assert answer.status_code < 500 or answer.status_code in (501, 503), told
                checked += 1
    assert checked > 100


def test_keys_that_are_forged_expired_or_revoked(team: Team) -> None:
    good = team.secrets["viewer"]
    assert team.client("viewer").get("/api/session").json()["person"]["name"] == "the viewer"
    assert len(good) == 46
    for header in (f"Bearer {good[:-1]}", f"Bearer {good}x", "Bearer ", "Bearer", f"Basic {good}", good,
                   "Bearer tl-" + "a" * 43, f"Bearer {good[3:]}", "Bearer sk-" + "a", "Bearer tl-\xff"):  # fmt: skip
        answer = team.client().get("/api/session", headers={"authorization": header.encode("latin-1")})
        assert (answer.status_code, code(answer)) == (401, "invalid_api_key"), header
        assert answer.headers["www-authenticate"] == "Bearer"
    assert team.client().get("/api/session", headers={"authorization": f"bearer {good}"}).status_code == 200

    person = team.people["viewer"]
    expiring, secret = keys.create(team.ws, SYSTEM, person, "short", days=1)
    client = team.client(authorization=f"Bearer {secret}")
    assert client.get("/api/session").status_code == 200
    with team.ws.db.write() as connection:
        connection.execute(update(api_keys).where(api_keys.c.id == expiring.id).values(expires=now()))
    give_up = time.monotonic() + 5
    while client.get("/api/session").status_code == 200:  # a second is allowed where nobody told this process
        assert time.monotonic() < give_up
        time.sleep(0.05)
    revoked = team.client("viewer").get("/api/session").json()["key"]
    assert team.client("admin").delete(f"/api/keys/{revoked}").json()["revoked"]
    assert team.client("viewer").get("/api/session").status_code == 401


def test_whoever_is_shut_out_or_removed_is_out_at_once(team: Team) -> None:
    admin, trainer, browser = team.client("admin"), team.client("trainer"), signed_in(team, "trainer")
    person = team.people["trainer"]
    assert trainer.get("/api/session").status_code == browser.get("/api/session").status_code == 200
    assert admin.patch(f"/api/people/{person}", json={"disabled": True}).json()["disabled"]
    assert trainer.get("/api/session").status_code == browser.get("/api/session").status_code == 401
    admin.patch(f"/api/people/{person}", json={"disabled": False, "role": "viewer"})
    assert trainer.get("/api/session").json()["person"]["role"] == "viewer"
    assert admin.delete(f"/api/people/{person}").status_code == 204
    assert trainer.get("/api/session").status_code == 401
    last = admin.patch(f"/api/people/{team.people['admin']}", json={"role": "viewer"})
    assert (last.status_code, last.json()["error"]["message"]) == (
        409, "the admin is the last admin. Make somebody else an admin first.",
    )  # fmt: skip


def test_a_key_cannot_make_itself_a_way_to_more(team: Team) -> None:
    admin = team.client("admin")
    made = admin.post("/api/keys", json={"name": "people", "scopes": ["people:manage", "models:read"]}).json()
    few = team.client(authorization=f"Bearer {made['secret']}")
    assert few.get("/api/session").json()["permissions"] == ["models:read", "people:manage"]
    for answer in (
        few.post("/api/keys", json={"name": "all"}),
        few.post("/api/keys", json={"name": "more", "scopes": ["jobs:write"]}),
        few.post("/api/keys", json={"name": "as admin", "person": team.people["trainer"]}),
        few.post("/api/people", json={"name": "mine", "role": "admin"}),
        few.patch(f"/api/people/{team.people['viewer']}", json={"role": "admin"}),
        few.post(f"/api/people/{team.people['admin']}/link", json={}),
        few.delete(f"/api/people/{team.people['admin']}/password"),
    ):
        assert (answer.status_code, code(answer)) == (403, "insufficient_permissions"), answer.text
    assert code(few.put("/api/session/password", json={"new": GOOD})) == "session_required"
    assert few.post("/api/keys", json={"name": "less", "scopes": ["models:read"]}).status_code == 200
    viewer = team.client("viewer")
    assert viewer.post("/api/keys", json={"name": "x", "person": team.people["admin"]}).status_code == 403
    assert viewer.post("/api/keys", json={"name": "x", "per_minute": 10**6}).status_code == 403
    assert viewer.get("/api/keys", params={"person": team.people["admin"]}).status_code == 403
    assert {one["person"] for one in viewer.get("/api/keys").json()["data"]} == {team.people["viewer"]}
    assert viewer.get("/api/keys/key-1").status_code == 200
    assert viewer.get("/api/keys/key-4").status_code == viewer.delete("/api/keys/key-4").status_code == 404
    assert "secret" not in viewer.get("/api/keys/key-1").text


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(team: Team) -> None:
    link = sign_in.make_link(team.ws, SYSTEM, team.people["viewer"])
    plain = team.browser().post("/api/session", json={"link": link})
    name, _, rest = plain.headers["set-cookie"].partition("=")
    assert name == f"tuneloop_{team.ws.id[:8]}"
    assert rest.split("; ")[1:] == ["Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Lax"]
    assert "ts-" not in plain.text
    link = sign_in.make_link(team.ws, SYSTEM, team.people["viewer"])
    safe = team.browser("https://127.0.0.1:8400").post("/api/session", json={"link": link})
    assert safe.headers["set-cookie"].startswith(f"__Host-tuneloop_{team.ws.id[:8]}=ts-")
    assert safe.headers["set-cookie"].endswith("; Secure")
    assert safe.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in plain.headers


def test_signing_in_by_password_and_out(team: Team) -> None:
    people.set_password(team.ws, SYSTEM, team.people["trainer"], GOOD)
    browser = team.browser()
    wrong = browser.post("/api/session", json={"name": "the trainer", "password": "wrong wrong wrong"})
    unknown = browser.post("/api/session", json={"name": "nobody", "password": "wrong wrong wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert code(wrong) == "sign_in_refused"
    signed = browser.post("/api/session", json={"name": "The TRAINER", "password": GOOD})
    first = browser.cookies[f"tuneloop_{team.ws.id[:8]}"]
    browser.headers["x-csrf-token"] = signed.json()["csrf"]
    again = browser.post(
        "/api/session", json={"name": "The TRAINER", "password": GOOD}
    )  # a new token; the old one ends
    assert browser.cookies[f"tuneloop_{team.ws.id[:8]}"] != first  # the old one has ended
    assert len(browser.get("/api/sessions").json()["data"]) == 1
    browser.headers["x-csrf-token"] = again.json()["csrf"]
    token = browser.cookies[f"tuneloop_{team.ws.id[:8]}"]
    out = browser.delete("/api/session")
    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert out.headers["clear-site-data"] == '"cache", "storage"'
    thief = team.browser()
    thief.cookies.set(f"tuneloop_{team.ws.id[:8]}", token)
    assert thief.get("/api/session").status_code == 401
    for body in (
        {},
        {"name": "x"},
        {"link": "ln-x", "name": "x", "password": "y"},
        {"name": "x", "password": "y", "z": 1},
    ):
        assert browser.post("/api/session", json=body).status_code == 400


def test_too_many_attempts_are_429_with_a_time(team: Team) -> None:
    answers = [
        team.browser().post("/api/session", json={"name": "the viewer", "password": "wrong wrong wrong"})
        for _ in range(6)
    ]
    assert [one.status_code for one in answers] == [401] * 5 + [429]
    assert code(answers[-1]) == "too_many_attempts"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


def test_a_password_is_the_persons_own(team: Team) -> None:
    browser = signed_in(team, "labeller")
    short = browser.put("/api/session/password", json={"new": "short"})
    assert (short.status_code, short.json()["error"]["param"]) == (400, "password")
    assert browser.put("/api/session/password", json={"new": GOOD}).json()["has_password"]
    assert browser.put("/api/session/password", json={"new": "another passphrase"}).status_code == 401
    changed = browser.put("/api/session/password", json={"old": GOOD, "new": "another passphrase"})
    assert changed.status_code == 200
    admin = team.client("admin")
    assert not admin.delete(f"/api/people/{team.people['labeller']}/password").json()["has_password"]
    assert browser.get("/api/session").status_code == 401
    link = admin.post(f"/api/people/{team.people['labeller']}/link", json={"hours": 1}).json()["url"]
    page, _, secret = link.partition("#")
    assert page == "http://127.0.0.1:8400/sign-in"
    shown = browser.get(page)
    assert shown.status_code == 200  # looking at the page does not use the link up
    assert secret not in shown.text
    assert browser.post("/api/session", json={"link": secret}).status_code == 200
    assert browser.post("/api/session", json={"link": secret}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8400"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"x-csrf-token": ""}, 403),
        ({"x-csrf-token": "0" * 64}, 403),
        ({"x-csrf-token": "\xff"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://127.0.0.1:8400.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_what_a_session_changes_must_come_from_our_own_page(team: Team, headers: dict[str, str], status: int) -> None:
    browser = signed_in(team)
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = browser.post("/api/people", json={"name": "Bo", "role": "viewer"}, headers=sent)
    assert answer.status_code == status, answer.text
    assert ("Bo" in [one.name for one in people.people(team.ws)]) == (status == 200)
    assert browser.get("/api/people", headers=sent).status_code == 200  # reading changes nothing


def test_signing_in_from_another_site_is_refused(team: Team) -> None:
    link = sign_in.make_link(team.ws, SYSTEM, team.people["viewer"])
    sent = {"origin": "https://evil.example"}
    answer = team.browser().post("/api/session", json={"link": link}, headers=sent)
    assert (answer.status_code, code(answer)) == (403, "foreign_origin")
    form = team.browser().post("/api/session", content=f'{{"link":"{link}"}}', headers={"content-type": "text/plain"})
    assert form.status_code == 400  # what a form of another site can send without asking is not read as JSON
    assert team.browser().post("/api/session", json={"link": link}).status_code == 200


def test_a_key_needs_no_csrf_token_and_wins_over_a_cookie(team: Team) -> None:
    browser = signed_in(team, "admin")
    del browser.headers["x-csrf-token"]
    browser.headers["authorization"] = f"Bearer {team.secrets['viewer']}"
    assert browser.get("/api/session").json()["person"]["role"] == "viewer"
    assert browser.post("/api/keys", json={"name": "mine"}).status_code == 200
    browser.headers["authorization"] = "Bearer wrong"
    assert browser.get("/api/session").status_code == 401


def test_csrf_tokens_are_of_one_session(team: Team) -> None:
    first, second = signed_in(team), signed_in(team)
    first.headers["x-csrf-token"] = second.headers["x-csrf-token"]
    assert code(first.post("/api/keys", json={"name": "x"})) == "invalid_csrf_token"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("localhost:8400", 200), ("LOCALHOST", 200), ("[::1]:8400", 200), ("localhost.", 200),
        ("lab.example:8400", 200), ("evil.example", 400), ("127.0.0.1.evil.example", 400), ("localhost:8400@evil", 400),
        ("", 400), ("[::1", 400), ("localhost:port", 400), ("10.0.0.5", 400), ("2130706433", 400), ("\xff", 400),
    ],
)  # fmt: skip
def test_only_our_own_names_are_answered_to(tmp_path: Path, host: str, status: int) -> None:
    made = make_team(tmp_path, rules_for(ServeSettings(), "127.0.0.1", ("Lab.example",)))
    answer = made.client().get("/healthz", headers={"host": host.encode("latin-1")})
    assert answer.status_code == status
    if status == 400:
        assert code(answer) == "unknown_host"


def test_on_all_addresses_the_address_that_was_dialled_is_a_name(tmp_path: Path) -> None:
    rules = rules_for(ServeSettings(), "0.0.0.0")
    app = make_team(tmp_path, rules).app
    for url, host, status in (
        ("http://10.0.0.5:8400", "10.0.0.5:8400", 200),
        ("http://10.0.0.5:8400", "10.0.0.6:8400", 400),
        ("http://10.0.0.5:8400", "evil.example", 400),
        ("http://evil.example", "evil.example", 400),  # a name is never an address
    ):
        assert TestClient(app, base_url=url).get("/healthz", headers={"host": host}).status_code == status
    assert host_of(b"[FE80::1]:80") == "fe80::1"


def test_answers_carry_careful_headers_also_where_something_went_wrong(team: Team) -> None:
    admin = team.client("admin")
    for answer in (
        admin.get("/api/session"), admin.get("/nowhere"), team.client().get("/api/people"), admin.get("/sign-in"),
        admin.get("/healthz", headers={"host": "evil"}), admin.post("/api/people", json={}),
    ):  # fmt: skip
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"].startswith("req_")
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_a_bug_tells_its_number_and_nothing_else(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret is 42")

    monkeypatch.setattr(audit, "entries", broken)
    answer = team.client("admin").get("/api/audit")
    assert answer.status_code == 500
    assert answer.headers["connection"] == "close"
    number = answer.headers["x-request-id"]
    assert answer.json() == {
        "error": {
            "message": f"The server had an error. Request: {number}",
            "type": "server_error",
            "param": None,
            "code": "internal_error",
        }
    }
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_so_many_requests_a_minute(tmp_path: Path) -> None:
    made = make_team(tmp_path, Rules(ServeSettings(requests_per_minute=5)))
    viewer = made.client("viewer")
    assert [viewer.get("/api/session").status_code for _ in range(6)] == [200] * 5 + [429]
    refused = viewer.get("/api/session")
    assert (refused.json()["error"]["type"], code(refused)) == ("rate_limit_error", "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert made.client("trainer").get("/api/session").status_code == 200  # each key for itself
    admin = made.client("admin")
    own = admin.post("/api/keys", json={"name": "busy", "per_minute": 8}).json()["secret"]
    busy = made.client(authorization=f"Bearer {own}")
    assert [busy.get("/api/session").status_code for _ in range(9)] == [200] * 8 + [429]


def test_the_audit_log_is_paged_and_filtered(team: Team) -> None:
    admin = team.client("admin")
    for number in range(5):
        admin.post("/api/keys", json={"name": f"key {number}"})
    team.browser().post("/api/session", json={"link": "ln-wrong"})
    first = admin.get("/api/audit", params={"limit": 2, "action": "key.create"}).json()
    assert first["has_more"]
    assert [one["address"] for one in first["data"]] == ["testclient"] * 2
    seen, after = first["data"], first["next"]
    while after:
        one = admin.get("/api/audit", params={"limit": 2, "action": "key.create", "after": after}).json()
        seen, after = seen + one["data"], one["next"]
    assert len(seen) == 9
    assert sorted({one["number"] for one in seen}, reverse=True) == [one["number"] for one in seen]
    (refused,) = admin.get("/api/audit", params={"outcome": "refused"}).json()["data"]
    assert refused["action"] == "session.begin"
    mine = admin.get("/api/audit", params={"person": team.people["admin"]}).json()["data"]
    assert {one["name"] for one in mine} == {"the admin"}
    assert admin.get("/api/audit", params={"since": "2100-01-01T00:00:00Z"}).json()["data"] == []
    assert admin.get("/api/audit", params={"after": "x"}).status_code == 400
    assert admin.get("/api/audit", params={"since": "yesterday"}).status_code == 400


def test_people_are_paged(team: Team) -> None:
    admin = team.client("admin")
    first = admin.get("/api/people", params={"limit": 3}).json()
    rest = admin.get("/api/people", params={"limit": 3, "after": first["next"]}).json()
    assert [one["role"] for one in first["data"] + rest["data"]] == list(ROLES)
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)


def test_sessions_are_listed_and_ended(team: Team) -> None:
    one, other = signed_in(team, "viewer"), signed_in(team, "viewer")
    listed = one.get("/api/sessions").json()["data"]
    assert len(listed) == 2
    theirs = other.get("/api/session").json()["session"]
    assert signed_in(team, "trainer").delete(f"/api/sessions/{theirs}").status_code == 404
    assert one.delete(f"/api/sessions/{theirs}").status_code == 204
    assert (one.get("/api/session").status_code, other.get("/api/session").status_code) == (200, 401)
    admin = team.client("admin")
    assert len(admin.get(f"/api/people/{team.people['viewer']}/sessions").json()["data"]) == 1
    assert admin.delete(f"/api/people/{team.people['viewer']}/sessions").status_code == 204
    assert one.get("/api/session").status_code == 401


def test_an_idle_session_is_over(team: Team) -> None:
    browser = signed_in(team)
    with team.ws.db.write() as connection:
        connection.execute(update(sessions).values(seen=now() - 12 * 3600))
    team.app.state.service.parts["callers"]._kept.clear()
    assert browser.get("/api/session").status_code == 401


def rows(team: Team) -> dict[str, list[tuple[object, ...]]]:
    """All tables but the time of last use of the keys."""
    found = {}
    with team.ws.db.read() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if (table.name, column.name) != ("api_keys", "seen")]
            found[table.name] = sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)
    return found


def test_reading_changes_nothing(team: Team) -> None:
    admin, before = team.client("admin"), rows(team)
    for path, route in application.routes(application.routers()):
        if "GET" in (route.methods or ()):
            admin.get(re.sub(r"\{[^}]+\}", "nothing-there", path))
    assert rows(team) == before


def test_no_answer_holds_a_hash(team: Team) -> None:
    browser, admin = signed_in(team, "viewer"), team.client("admin")
    people.set_password(team.ws, SYSTEM, team.people["trainer"], GOOD)
    with team.ws.db.read() as connection:
        secrets = [*connection.execute(select(api_keys.c.digest)).scalars()]
        secrets += [*connection.execute(select(sessions.c.digest)).scalars()]
        secrets += [one for one in connection.execute(select(people_table.c.password)).scalars() if one]
    assert len(secrets) == 4 + 1 + 1
    person = team.people["trainer"]
    paths = ("people", f"people/{person}", "keys", "keys/key-1", "audit", f"people/{person}/sessions", "sessions")
    for path in paths:
        told = (admin if path != "sessions" else browser).get(f"/api/{path}")
        assert told.status_code == 200
        assert not [secret for secret in secrets if secret in told.text], path


def test_answers_say_what_they_are(team: Team) -> None:
    admin = team.client("admin")
    assert admin.get("/api/session").headers["content-type"] == "application/json"
    assert admin.get("/nowhere").headers["content-type"] == "application/json"
    assert admin.get("/sign-in").headers["content-type"] == "text/html; charset=utf-8"


def test_a_database_that_is_away_is_503_and_worth_another_try(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, ConnectionError("connection refused"))

    viewer = team.client("viewer")
    for path in ("/api/session", "/api/keys"):  # the first fails while the caller is looked up, the second in the route
        with monkeypatch.context() as patch:
            patch.setattr(team.ws.db, "read", away)
            answer = viewer.get(path)
            assert (answer.status_code, code(answer)) == (503, "database_unavailable")
            assert answer.headers["retry-after"] == "1"
            assert "SELECT" not in answer.text
        assert viewer.get(path).status_code == 200


def test_a_value_that_no_database_takes_is_refused(team: Team) -> None:
    admin = team.client("admin")
    assert admin.get("/api/people/a%00b").status_code == 400
    assert admin.get("/api/keys?person=%00").status_code == 400
    assert admin.post("/api/people", json={"name": "a\x00b", "role": "viewer"}).status_code == 400
    lone = admin.post(
        "/api/people", content=rb'{"name": "\ud800", "role": "viewer"}', headers={"content-type": "application/json"}
    )
    assert lone.status_code == 400
    assert admin.get("/api/people", params={"after": "9" * 18}).status_code == 200
    assert admin.get("/api/people", params={"after": "9" * 19}).status_code == 400


def test_so_much_under_way_at_a_time(tmp_path: Path) -> None:
    """Answers and jobs of one key: the one too many is told when to come again, and other keys don't feel it."""
    made = make_team(tmp_path, Rules(ServeSettings(answers_at_once=2, jobs_at_once=2)))
    made.app.state.service.parts["answers"] = Answers(made.ws, elsewhere={"slow": lambda: FakeBackend(delay=0.05)})
    trainer, admin = made.client("trainer"), made.client("admin")
    data = jsonl(chat_lines())
    file = trainer.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", data)}).json()["id"]
    body = {"model": "starter", "training_file": file}
    first, second = (trainer.post("/v1/fine_tuning/jobs", json=body | {"seed": n}).json()["id"] for n in range(2))
    refused = trainer.post("/v1/fine_tuning/jobs", json=body)
    assert (refused.status_code, code(refused), refused.json()["error"]["type"]) == (
        429, "queue_full", "rate_limit_error",
    )  # fmt: skip
    assert refused.headers["retry-after"] == "60"
    # a create that is sent again is no new job
    again = trainer.post(
        "/v1/fine_tuning/jobs", json=body | {"seed": 1}, headers={"x-stainless-retry-count": "1"}
    )  # fmt: skip
    assert again.json()["id"] == second
    assert admin.post("/v1/fine_tuning/jobs", json=body).status_code == 200
    trainer.post(f"/v1/fine_tuning/jobs/{first}/cancel")
    assert trainer.post("/v1/fine_tuning/jobs", json=body).status_code == 200

    ask = {"model": "slow", "messages": [{"role": "user", "content": "a" * 40}]}
    with served_app(made.app) as address, ThreadPoolExecutor(4) as many:

        def chat(_: int, role: str = "trainer", **more: object) -> httpx2.Response:
            headers = {"authorization": f"Bearer {made.secrets[role]}"}
            return httpx2.post(f"{address}/v1/chat/completions", json={**ask, **more}, headers=headers, timeout=60)

        answers = list(many.map(chat, range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
        told = next(answer for answer in answers if answer.status_code == 429)
        assert (code(told), told.headers["retry-after"]) == ("queue_full", "1")
        busy = [many.submit(chat, n) for n in range(2)]
        assert chat(0, "admin").status_code == 200
        assert [one.result().status_code for one in busy] == [200, 200]  # what has ended counts no more
        assert chat(0, messages=[{"role": "user", "content": "a" * 5000}]).status_code == 400
        assert chat(0).status_code == 200
    assert not made.app.state.service.parts["under_way"]


def test_no_log_holds_a_secret(team: Team, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.DEBUG)
    password = "correct horse battery staple"
    people.set_password(team.ws, SYSTEM, team.people["viewer"], password)
    link = sign_in.make_link(team.ws, SYSTEM, team.people["trainer"])
    browser = team.browser()
    made = team.client("admin").post("/api/keys", json={"name": "made"}).json()["secret"]
    for body in ({"name": "the viewer", "password": password}, {"name": "the viewer", "password": "wrong-secret-1"},
                 {"link": link}, {"link": "ln-wrong-secret-2"}):  # fmt: skip
        browser.post("/api/session", json=body)
    cookie = browser.cookies
    team.client(authorization="Bearer tl-wrong-secret-3").get("/api/session")

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(keys, "create", broken)
    assert team.client("admin").post("/api/keys", json={"name": "x"}).status_code == 500
    assert "ZeroDivisionError" in caplog.text
    for secret in (password, link, made, *team.secrets.values(), *cookie.values(), "wrong-secret"):
        assert secret not in caplog.text
