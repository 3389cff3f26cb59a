"""Lists in pages: no cursor starts one over, no row comes twice while rows change, and no filter is ignored."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, update
from tests.http.serving import As
from tests.store.test_postgres import folder, server

from tuneloop import loop
from tuneloop.app.cli.main import main
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.runs import queue
from tuneloop.serve import aliases, approvals, exchanges, feedback
from tuneloop.serve.exchanges import Exchange, ExchangeLog
from tuneloop.store import Workspace, datasets, evaluations, models, reviews, sources, standards
from tuneloop.store.registry_tables import exchanges as table

__all__ = ["folder", "server"]

BOTH = pytest.mark.parametrize("ws", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)


@pytest.fixture
def ws(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    kind = getattr(request, "param", "sqlite")
    place = request.getfixturevalue("folder") if kind == "postgresql" else tmp_path / "w"
    with Workspace.find(place) as opened:
        yield opened


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return TestClient(As(make_app(Service(ws))), base_url="http://127.0.0.1")


def walk(
    client: TestClient, path: str, key: str, between: Callable[[], object] = lambda: None, **asked: Any
) -> list[Any]:
    """What all pages give, with something done between one and the next."""
    seen: list[Any] = []
    after = None
    for _ in range(50):
        answer = client.get(path, params={**asked, **({"after": after} if after else {})})
        assert answer.status_code == 200, answer.text
        seen += [row[key] for row in answer.json()["data"]]
        after = answer.json()["next"]
        if not answer.json()["has_more"]:
            return seen
        between()
    raise AssertionError(f"the pages of {path} have no end: {seen}")


def refused(client: TestClient, path: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 400, (path, asked, answer.text)
    error: dict[str, Any] = answer.json()["error"]
    return error


@BOTH
def test_runs_that_leave_the_filter_between_pages_come_once(ws: Workspace, client: TestClient) -> None:
    runs = [queue.submit(ws, "train", {}) for _ in range(7)]
    leaving = iter(runs[::-1])

    def change() -> None:
        queue.cancel(ws, next(leaving))
        queue.cancel(ws, next(leaving))
        queue.submit(ws, "train", {})

    assert walk(client, "/api/runs", "id", change, state="queued", limit=2) == runs[::-1]
    assert walk(client, "/api/runs", "id", state="cancelled", limit=2) == runs[1:][::-1]
    assert refused(client, "/api/runs", kind="foo")["param"] == "kind"
    for kind in ("train", "forget", "tune", "statistics"):
        assert client.get("/api/runs", params={"kind": kind}).status_code == 200


@BOTH
def test_a_long_curve_comes_in_pages(ws: Workspace, client: TestClient) -> None:
    run = queue.submit(ws, "train", {})
    with queue.claim(ws, run) as lease:  # type: ignore[union-attr]
        lease.metrics({step: {"loss": 1.0 * step, "rate": 0.5, "tokens": 2.0} for step in range(1, 8)})
        path = f"/api/runs/{run}/metrics"
        for limit in (1, 2, 3, 5, 100):
            seen = walk(client, path, "step", limit=limit)
            assert seen == [step for step in range(1, 8) for _ in range(3)]
        assert walk(client, path, "value", names="loss", limit=2) == [1.0 * step for step in range(1, 8)]
        whole = client.get(path).json()
        assert not whole["has_more"]
        assert client.get(path, params={"after": whole["next"]}).json()["data"] == []
        lease.metrics({8: {"loss": 8.0}})
        later = client.get(path, params={"after": whole["next"]}).json()
        assert [point["step"] for point in later["data"]] == [8]
        assert refused(client, path, after="zzz")["param"] == "after"
        lease.finish({})


def filled(ws: Workspace, count: int = 5) -> None:
    """Some rows in every list that is cut by the numbers of its names."""
    for n in range(count):
        name = f"data-{n + 1}"
        sources.add_source(ws, f"{n}.csv", kind="own", digest=f"d{n}", size=1)
        datasets.add_version(ws, id=f"d1:{n}", splits={}, kinds={}, pipeline={}, report={}, ledgers={})
        folder = ws.path("models", f"m{n}")
        (folder / "weights").write_text(f"w{n}")
        given: Any = {"base": "starter", "form": "adapter", "objective": "sft", "tuner": "lora", "recipe": {}}
        models.add_model(ws, folder=folder, **given)
        evaluations.add_evaluation(ws, model="model-1", base="starter", measure="recall", metrics={})
        standards.add_standard(ws, "main", {"n": n}, person="Li Na")
        told: Any = {"scenario": "main", "dataset": name, "standard": "standard-1", "asked": {}, "strata": {}}
        reviews.add_review(ws, items=[reviews.ReviewItem(1, "r1:0", "", {})], person="Li Na", **told)
        trial = {**TRIAL, "data": "data-1"}
        with queue.here(ws, "trial", {}) as lease:
            lease.finish(trial)


CHANGE: dict[str, Any] = {
    "before": 1.0, "after": 0.9, "change": -0.1, "low": -0.2, "high": 0.0, "records": 3, "verdict": "helps"
}  # fmt: skip
TRIAL: dict[str, Any] = {
    "against": "data-1", "without": None, "test": "data-1", "base": "starter", "objective": "sft", "verdict": "helps",
    "sentence": {"en": "It helps.", "zh": "有帮助。"}, "change": CHANGE, "control": None, "groups": {}, "advice": [],
    "steps": 1, "seeds": 1, "rows": {}, "seconds": 1.0, "settings": {},
}  # fmt: skip

NUMBERED = {
    "/api/sources": ("source", "id"),
    "/api/versions": ("data", "name"),
    "/api/models/model-1/evaluations": ("eval", "name"),
    "/api/evaluations": ("eval", "name"),
    "/api/standards/main/history": ("standard", "name"),
    "/api/reviews": ("review", "name"),
    "/api/trials": ("run", "run"),
    "/api/runs": ("run", "id"),
}


@BOTH
def test_numbered_lists_go_on_behind_a_place_and_refuse_what_is_none(ws: Workspace, client: TestClient) -> None:
    filled(ws)
    for path, (kind, key) in NUMBERED.items():
        every = [f"{kind}-{n}" for n in range(5, 0, -1)]
        for limit in (1, 2, 5):
            assert walk(client, path, key, limit=limit) == every, path
        for wrong in ("zzz", f"{kind}-6", f"{kind}-0", f"{kind}-01", f"{kind}-2 ", f"{kind}-²", "5", "thing-2"):
            assert refused(client, path, after=wrong)["param"] == "after", (path, wrong)
    pages = [
        client.get("/api/models", params={"limit": 2, "after": after}).json()["data"]
        for after in ("model-4", "model-2")
    ]
    assert [one["version"]["name"] for one in pages[0]] == ["model-3", "model-2"]
    assert [one["version"]["name"] for one in pages[1]] == ["model-1"]
    assert refused(client, "/api/models", after="zzz")["param"] == "after"


def test_models_that_leave_the_filter_between_pages_come_once(ws: Workspace, client: TestClient) -> None:
    filled(ws)
    seen, after = [], None
    for _ in range(5):
        asked: dict[str, Any] = {"state": "candidate", "limit": 2, **({"after": after} if after else {})}
        answer = client.get("/api/models", params=asked).json()
        seen += [one["version"]["name"] for one in answer["data"]]
        after = answer["next"]
        approvals.decide(ws, seen[-1], "approved", person="Li Na")  # the cursor's row
        if not answer["has_more"]:
            break
    assert seen == ["model-5", "model-4", "model-3", "model-2", "model-1"]


def test_aliases_and_what_happened_to_them_come_in_pages(ws: Workspace, client: TestClient) -> None:
    filled(ws, 1)
    approvals.decide(ws, "model-1", "approved", person="Li Na")
    approvals.decide(ws, "model-1", "retired", person="Li Na")
    approvals.decide(ws, "model-1", "approved", person="Li Na")
    names = ["b", "a-1", "a.2", "a_3", "a"]
    for name in names:
        aliases.point(ws, name, [aliases.Target("model-1")], person="Li Na")
    assert walk(client, "/api/aliases", "alias", limit=2) == sorted(names)

    def remove() -> None:
        if "a-1" in [one.alias for one in aliases.everything(ws) if one.targets]:
            aliases.point(ws, "a-1", [], person="Li Na")

    assert walk(client, "/api/aliases", "alias", remove, limit=2)[:3] == ["a", "a-1", "a.2"]
    assert walk(client, "/api/aliases/a-1/history", "number", limit=1) == [6, 2]
    assert walk(client, "/api/models/model-1/approvals", "state", limit=2) == ["approved", "retired", "approved"]
    for path in ("/api/aliases", "/api/aliases/a/history", "/api/models/model-1/approvals"):
        assert refused(client, path, after="Zzz ")["param"] == "after"


def test_lists_of_a_version_refuse_cursors_that_none_of_their_pages_gave(
    ws: Workspace, client: TestClient, tmp_path: Path
) -> None:
    file = tmp_path / "drawers.jsonl"
    rows = "".join(
        f'{{"question": "Drawer {n}?", "answer": "{n} spoons and a cork.", "topic": "t{n}"}}\n' for n in range(9)
    )
    file.write_text(rows, encoding="utf-8")
    loop.prepare(file, workspace=ws, recipe={"tags": "topic"})
    base = "/api/versions/data-1"
    records = walk(client, f"{base}/records", "id", limit=2)
    assert records == sorted(set(records))
    assert len(records) == 9
    assert len(walk(client, f"{base}/outcomes", "item", limit=4)) == 9
    assert len(set(walk(client, f"{base}/tags", "tag", limit=4))) == 9
    for name in ("records", "outcomes", "tags", "duplicates", "differences/data-1"):
        for wrong in ("zzz", "²:x", "source-1:²", f"source-1:{'9' * 30}", f"{'9' * 30}:r1:0"):
            assert refused(client, f"{base}/{name}", after=wrong)["param"] in ("after", None), (name, wrong)
    assert refused(client, f"{base}/records", kind="foo")["param"] == "kind"
    assert client.get(f"{base}/records", params={"kind": "chat"}).json()["data"]


def test_a_query_names_only_what_its_route_knows(ws: Workspace) -> None:
    app = make_app(Service(ws))
    client = TestClient(As(app), base_url="http://127.0.0.1", raise_server_exceptions=False)
    described = app.openapi()["paths"]
    checked = 0
    for path, methods in described.items():
        if not path.startswith(("/api/", "/v1/")):
            continue
        for method, operation in methods.items():
            address = re.sub(r"\{[^}]*\}", "x", path)
            told = client.request(method, address, params={"staet": "running"})
            error = told.json()["error"]
            assert (told.status_code, error["code"], error["param"]) == (400, "unknown_parameter", "staet"), path
            declared = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            told = client.request(method, address, params=dict.fromkeys(declared, "\0"))
            if declared:
                assert b"unknown_parameter" not in told.content, (path, told.text)
            checked += 1
    assert checked > 80
    assert "did you mean 'state'?" in client.get("/api/runs?staet=running").json()["error"]["message"]
    assert client.get("/api/session?x=").json()["error"]["code"] == "unknown_parameter"
    assert client.get("/healthz?x=1").status_code == 200
    assert TestClient(app).get("/api/runs?x=1", headers={"host": "127.0.0.1"}).status_code == 401  # told to nobody else


def test_queries_of_the_official_client_pass(ws: Workspace, client: TestClient) -> None:
    for query in ("metadata[team]=a&limit=3", "metadata[a b]=", "metadata=null", "limit=1&metadata%5Bk%5D=v"):
        assert client.get(f"/v1/fine_tuning/jobs?{query}").status_code == 200, query
    for query in ("metadata[team=a", "meta[team]=a", "order=asc"):
        assert client.get(f"/v1/fine_tuning/jobs?{query}").json()["error"]["code"] == "unknown_parameter", query
    assert client.get("/v1/files?order=asc&purpose=fine-tune-results&limit=2").status_code == 200
    assert "fine-tune" in client.get("/v1/files?purpose=zzz").json()["error"]["message"]
    asked = client.get("/v1/fine_tuning/checkpoints/x/permissions?order=ascending&project_id=p&limit=1&after=x")
    assert asked.json()["error"]["code"] == "unsupported_parameter"


def note(ws: Workspace, name: str, **more: Any) -> None:
    told: Any = {
        "asked": "m", "model": "model-1", "caller": "user-1", "outcome": "answered", "latency": 0.1,
        "prompt_tokens": 1, "completion_tokens": 1, "request": {}, "replies": [{}, {}],
    }  # fmt: skip
    ExchangeLog(ws).note(Exchange(id=name, **{**told, **more}))


@BOTH
def test_exchanges_and_feedback_are_found_by_what_is_known_of_them(ws: Workspace, client: TestClient) -> None:
    note(ws, "a", tags={"team": "billing", 'odd "name.': "x"})
    note(ws, "b", tags={"team": "sales"}, caller="user-2", scenario="other", model="model-2")
    note(ws, "c", outcome="failed", alias="support")
    note(ws, "d", tags={"team": "billing", "kind": "pick"})
    times = {"a": 1000.0, "b": 2000.0, "c": 2000.0, "d": 90_000.0}
    with ws.db.write() as connection:
        for name, time in times.items():
            connection.execute(update(table).where(table.c.id == name).values(created=time))
    for name, kind, value, person in (
        ("a", "thumb", "up", "Ada"), ("a", "thumb", "down", "Ada"), ("a", "thumb", "up", "Chen"),
        ("b", "thumb", "down", "Ada"), ("b", "thumb", "up", "Ada"), ("d", "pick", 1, "Ada"),
    ):  # fmt: skip
        feedback.give(ws, name, kind, value, person=person)  # type: ignore[arg-type]
    asked = {
        "tag=team": "dba", "tag=team=billing": "da", "tag=team=billing&tag=kind": "d", "tag=nothing": "",
        'tag=odd "name.=x': "a", "tag=team=": "", "caller=user-2": "b", "scenario=other": "b", "outcome=failed": "c",
        "alias=support": "c", "model=model-2": "b", "feedback=up": "ba", "feedback=down": "a", "feedback=any": "dba",
        "feedback=none": "c", "feedback=pick": "d", "feedback=correction": "", "since=1970-01-01T00:33:20Z": "dcb",
        "since=1970-01-01T00:33:21": "d", "until=1970-01-01T00:33:20Z": "a", "until=1970-01-02T00:00:00Z": "cba",
        "since=1970-01-01T00:33:20Z&until=1970-01-01T00:33:21Z": "cb", "since=2100-01-01T00:00:00Z": "",
        "tag=team&feedback=up&caller=user-1": "a",
    }  # fmt: skip
    for query, found in asked.items():
        one = client.get(f"/api/exchanges?{query}")
        assert one.status_code == 200, (query, one.text)
        assert "".join(row["id"] for row in one.json()["data"]) == found, query
    said = {
        "model=model-2": 2, "model=model-1": 4, "model=nothing": 0, "kind=pick": 1, "until=2000-01-01T00:00:00Z": 0,
        "since=2000-01-01T00:00:00Z": 6, "since=2000-01-01T00:00:00Z&person=Chen": 1,
    }  # fmt: skip
    for query, count in said.items():
        assert len(client.get(f"/api/feedback?{query}").json()["data"]) == count, query
    for path, name in (
        ("exchanges", "outcome"),
        ("exchanges", "feedback"),
        ("feedback", "kind"),
        ("exchanges", "since"),
    ):
        assert refused(client, f"/api/{path}", **{name: "foo"})["param"] == name


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_times_are_found_among_rows_as_looking_at_all_of_them_finds_them(ws: Workspace, seed: int) -> None:
    """Times that rise, with clocks that differ by up to half an hour, and numbers with gaps."""
    chance = random.Random(seed)
    for n in range(60):
        note(ws, f"x{n}")
    time, times = 0.0, {}
    with ws.db.write() as connection:
        for n in range(60):
            time += chance.choice([0.0, 60.0, 7000.0])
            times[n] = time + chance.uniform(-1800, 1800)
            connection.execute(update(table).where(table.c.id == f"x{n}").values(created=times[n]))
        for n in chance.sample(range(60), 15):
            connection.execute(delete(table).where(table.c.id == f"x{n}"))
            del times[n]
    for _ in range(50):
        since, until = sorted((chance.uniform(-5000, time + 5000), chance.choice(list(times.values()))))
        found = exchanges.exchanges(ws, since=since, until=until, limit=1000)
        expected = [f"x{n}" for n, at in sorted(times.items(), reverse=True) if since <= at < until]
        assert [one.id for one in found] == expected


def test_the_preview_of_what_training_counts_is_that_of_the_command(
    ws: Workspace, client: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "drawers.jsonl"
    rows = "".join(f'{{"question": "Drawer {n}?", "answer": "{n} spoons and a cork."}}\n' for n in range(40))
    file.write_text(rows, encoding="utf-8")
    loop.prepare(file, workspace=ws)
    capsys.readouterr()
    assert main(["preview", "-n", "2", "--json", "--workspace", str(ws.folder)]) == 0
    printed = json.loads(capsys.readouterr().out)
    shown = client.get("/api/versions/newest/preview", params={"limit": 2})
    assert shown.json() == printed
    assert {piece["weight"] for one in printed["records"] for part in one["examples"] for piece in part} == {0.0, 1.0}
    tests = client.get("/api/versions/data-1/preview", params={"split": "test"}).json()["records"]
    held = client.get("/api/versions/data-1/records", params={"split": "test"}).json()["data"]
    assert {one["record"] for one in tests} == {one["id"] for one in held} != set()
    assert refused(client, "/api/versions/data-1/preview", base=str(tmp_path))["param"] == "base"
    assert client.get("/api/versions/data-9/preview").status_code == 404
