"""Quality and trials over HTTP: the same words as on the command line, and each under its permission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.http.test_api import As

from tuneloop import loop
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.app.wiring import work
from tuneloop.errors import StoppedError
from tuneloop.runs import Lease, queue
from tuneloop.store import Workspace
from tuneloop.store.settings import set_setting

ROWS = [
    {"question": f"What is in drawer {n}?", "answer": f"In drawer {n} lie {n} spoons and a cork.", "topic": f"t{n % 2}"}
    for n in range(60)
]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def clients(ws: Workspace) -> dict[str, TestClient]:
    app = make_app(Service(ws))
    roles = ("viewer", "labeller", "trainer")
    return {role: TestClient(As(app, role), base_url="http://127.0.0.1") for role in roles}


@pytest.fixture
def data(ws: Workspace, tmp_path: Path) -> str:
    file = tmp_path / "drawers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return loop.prepare(file, workspace=ws, tags="topic").name


def claimed(ws: Workspace, run: str) -> Lease:
    lease = queue.claim(ws, run)
    assert lease is not None
    return lease


def test_a_standard_is_read_and_set(clients: dict[str, TestClient]) -> None:
    viewer, trainer = clients["viewer"], clients["trainer"]
    assert viewer.get("/api/standards").json()["service_dialogue"]["title"]["zh"] == "客服对话"
    assert viewer.get("/api/standards/main").status_code == 404
    assert viewer.put("/api/standards/main", json={"ready": "service_dialogue"}).status_code == 403
    first = trainer.put("/api/standards/main", json={"ready": "service_dialogue"}).json()
    assert (first["name"], first["person"]) == ("standard-1", "Li Na")
    own = dict(first["standard"])
    own["dimensions"] = {"polite": own["dimensions"]["polite"]}
    assert trainer.put("/api/standards/main", json={"standard": own, "note": "less"}).json()["name"] == "standard-2"
    assert viewer.get("/api/standards/main").json()["name"] == "standard-2"
    kept = viewer.get("/api/standards/main/history").json()["data"]
    assert [one["name"] for one in kept] == ["standard-2", "standard-1"]
    wrong = trainer.put("/api/standards/main", json={"ready": "service"})
    assert wrong.status_code == 400
    assert "service_dialogue" in wrong.text
    own["dimensions"]["polite"]["least"] = 95
    assert trainer.put("/api/standards/main", json={"standard": own}).status_code == 400
    assert trainer.put("/api/standards/main", json={}).status_code == 400


def test_a_sample_is_drawn_judged_by_people_and_counted(clients: dict[str, TestClient], data: str) -> None:
    viewer, labeller, trainer = (clients[role] for role in ("viewer", "labeller", "trainer"))
    assert labeller.post("/api/reviews", json={"data": data}).status_code == 403
    made = trainer.post("/api/reviews", json={"data": data, "count": 20, "by": ["tag"]}).json()
    assert (made["name"], made["strata"]) == ("review-1", {"t0": 30, "t1": 30})
    items = labeller.get("/api/reviews/review-1/items", params={"limit": 12}).json()
    assert (len(items["data"]), items["has_more"], items["next"]) == (12, True, "12")
    more = labeller.get("/api/reviews/review-1/items", params={"after": items["next"]}).json()["data"]
    records = [one["record"] for one in [*items["data"], *more]]
    assert len(set(records)) == 20
    assert items["data"][0]["payload"]["messages"][0]["role"] == "user"
    said = [{"record": one, "verdicts": {"correct": "pass", "clear": 4}, "note": "ok"} for one in records]
    assert viewer.post("/api/reviews/review-1/verdicts", json={"items": said}).status_code == 403
    assert labeller.post("/api/reviews/review-1/verdicts", json={"items": said}).json()["verdicts"] == 40
    found = viewer.get("/api/reviews/review-1/result").json()
    correct = found["dimensions"][0]
    assert (found["reviewed"], found["people"], found["standard"]) == (20, ["Li Na"], "standard-1")
    assert (correct["name"], correct["rate"]["mean"]) == ("correct", 1.0)
    assert set(correct["groups"]["tag"]) == {"t0", "t1"}
    assert correct["sentence"]["zh"]
    verdicts = labeller.get("/api/reviews/review-1/items").json()["data"][0]["verdicts"]
    assert {(one["dimension"], one["value"], one["person"]) for one in verdicts} == {
        ("correct", 1.0, "Li Na"),
        ("clear", 4.0, "Li Na"),
    }
    file = viewer.get("/api/reviews/review-1/file")
    assert file.content.startswith(b"\xef\xbb\xbfreview,record,number")
    assert len(viewer.get("/api/reviews/review-1/file", params={"form": "jsonl"}).text.splitlines()) == 20
    assert viewer.get("/api/reviews", params={"data": data}).json()["data"][0]["name"] == "review-1"


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"record": "r1:0", "verdicts": {"correct": "pass"}}, "no record"),
        ({"verdicts": {"nice": "pass"}}, "correct, complete"),
        ({"verdicts": {"correct": "perhaps"}}, "pass or fail"),
        ({"verdicts": {"clear": 9}}, "1 to 5"),
        ({"verdicts": {"clear": " "}}, "empty"),
        ({"verdicts": {"well_formed": "pass"}}, "expected one of"),
    ],
)
def test_a_wrong_verdict_keeps_all_out(
    clients: dict[str, TestClient], data: str, item: dict[str, Any], said: str
) -> None:
    trainer = clients["trainer"]
    trainer.post("/api/reviews", json={"data": data, "count": 4})
    records = [one["record"] for one in trainer.get("/api/reviews/review-1/items").json()["data"]]
    given = [{"record": records[0], "verdicts": {"correct": "pass"}}, {"record": records[1], **item}]
    reply = trainer.post("/api/reviews/review-1/verdicts", json={"items": given})
    assert reply.status_code == 400
    assert said in reply.text
    assert trainer.get("/api/reviews/review-1/result").json()["reviewed"] == 0


def test_a_trial_is_a_run_with_a_result(
    clients: dict[str, TestClient], ws: Workspace, data: str, tiny_base: Path
) -> None:
    trainer = clients["trainer"]
    set_setting(ws, "bases", {"tiny": str(tiny_base)})
    recipe = {"base": "tiny", "steps": 2, "rows": 8}
    assert clients["viewer"].post("/api/runs", json={"stage": "trial", "data": data}).status_code == 403
    wrong = trainer.post("/api/runs", json={"stage": "trial", "data": data, "recipe": {"step": 2}})
    assert wrong.status_code == 400
    assert "steps" in wrong.text
    run = trainer.post("/api/runs", json={"stage": "trial", "data": data, "recipe": recipe}).json()
    assert trainer.get(f"/api/trials/{run['id']}").status_code == 404
    with claimed(ws, run["id"]) as lease:
        work(ws, lease)
    told = trainer.get(f"/api/runs/{run['id']}").json()["progress"]
    assert (told["stage"], told["done"]) == ("trial", told["total"])
    found = trainer.get(f"/api/trials/{run['id']}").json()
    assert (found["data"], found["steps"], found["rows"]) == (data, 2, {"data": 8})
    assert found["verdict"] in ("helps", "form", "hurts", "unclear")
    assert found["sentence"]["zh"]
    assert set(found["groups"]["tag"]) <= {"t0", "t1"}
    assert trainer.get("/api/trials", params={"data": data}).json()["data"][0]["run"] == run["id"]
    assert trainer.get("/api/trials", params={"data": "data-9"}).json()["data"] == []


def test_drawing_can_be_a_run_that_is_stopped(clients: dict[str, TestClient], ws: Workspace, data: str) -> None:
    trainer = clients["trainer"]
    asked = {"stage": "review", "data": data, "recipe": {"count": 6, "by": ["source"]}}
    run = trainer.post("/api/runs", json=asked).json()
    with claimed(ws, run["id"]) as lease:
        work(ws, lease)
    ended = trainer.get(f"/api/runs/{run['id']}").json()
    assert (ended["result"], ended["progress"]["stage"]) == ({"review": "review-1"}, "check")
    made = trainer.get("/api/reviews/review-1").json()
    assert (made["person"], made["asked"]["by"]) == ("Li Na", ["source"])
    wrong = trainer.post("/api/runs", json={**asked, "recipe": {"by": ["topic"]}})
    assert (wrong.status_code, "source" in wrong.text) == (400, True)
    run = trainer.post("/api/runs", json=asked).json()
    lease = claimed(ws, run["id"])
    trainer.post(f"/api/runs/{run['id']}/cancel")
    with pytest.raises(StoppedError), lease:
        work(ws, lease)
    assert len(trainer.get("/api/reviews").json()["data"]) == 1


def test_a_judge_is_a_run(clients: dict[str, TestClient], ws: Workspace, data: str, tiny_base: Path) -> None:
    """A model of random weights writes no grade that can be read: the run says so, and notes nothing."""
    trainer = clients["trainer"]
    trainer.post("/api/reviews", json={"data": data, "count": 3})
    set_setting(ws, "bases", {"tiny": str(tiny_base)})
    assert trainer.post("/api/runs", json={"stage": "judge", "recipe": {"modell": "x"}}).status_code == 400
    run = trainer.post("/api/runs", json={"stage": "judge", "recipe": {"model": "tiny"}}).json()
    with pytest.raises(Exception, match="no grade that can be read"), claimed(ws, run["id"]) as lease:
        work(ws, lease)
    found = trainer.get("/api/reviews/review-1/result").json()
    assert found["dimensions"][0]["judge"] is None
