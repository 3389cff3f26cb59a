"""Dataset versions taken away over HTTP: at once, and as a run with progress, cancel and a file that goes in time."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.http.serving import As

from tuneloop import loop
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.app.wiring import work
from tuneloop.errors import StoppedError
from tuneloop.prepare import exporting, forgetting, run_files
from tuneloop.runs import Lease, queue
from tuneloop.store import Workspace, datasets

ROWS = [
    {"question": f"What is in drawer {n}?", "answer": f"In drawer {n} lie {n} spoons and a cork.", "user_id": f"u{n}"}
    for n in range(60)
]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def clients(ws: Workspace) -> dict[str, TestClient]:
    app = make_app(Service(ws))
    return {role: TestClient(As(app, role), base_url="http://127.0.0.1") for role in ("viewer", "labeller", "trainer")}


@pytest.fixture
def data(ws: Workspace, tmp_path: Path) -> str:
    file = tmp_path / "drawers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return loop.prepare(file, workspace=ws, mapping={"subject": "user_id"}).name


def claimed(ws: Workspace, run: str) -> Lease:
    lease = queue.claim(ws, run)
    assert lease is not None
    return lease


def exported(ws: Workspace, client: TestClient, **recipe: object) -> str:
    asked = client.post("/api/runs", json={"stage": "export", "recipe": recipe})
    assert asked.status_code == 201, asked.text
    run: str = asked.json()["id"]
    work(ws, claimed(ws, run))
    return run


def test_a_run_writes_the_file_that_a_request_writes(ws: Workspace, clients: dict[str, TestClient], data: str) -> None:
    viewer, trainer = clients["viewer"], clients["trainer"]
    assert viewer.post("/api/runs", json={"stage": "export"}).status_code == 403
    run = exported(ws, trainer, form="csv", layout="columns", split="train", beside=["id"])
    told = trainer.get(f"/api/runs/{run}").json()
    assert told["state"] == "succeeded"
    assert told["result"] | {"records": 0} == {
        "file": f"{data}-train.csv", "data": data, "records": 0, "layout": "columns", "form": "csv",
    }  # fmt: skip
    assert told["progress"]["stage"] == "export"
    assert told["progress"]["title"] == {"en": "export", "zh": "导出"}
    assert told["progress"]["units"] == {"en": "records", "zh": "条记录"}
    assert told["progress"]["done"] == told["progress"]["total"] == told["result"]["records"] > 30
    file = clients["labeller"].get(f"/api/runs/{run}/file")
    assert file.status_code == 200, file.text
    assert f'filename="{data}-train.csv"' in file.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert len(rows) == told["result"]["records"]
    asked = {"form": "csv", "layout": "columns", "split": "train", "beside": "id"}
    assert trainer.get(f"/api/versions/{data}/file", params=asked).content == file.content
    part = trainer.get(f"/api/runs/{run}/file", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, file.content[10:20])


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"layout": "opnai"}, "openai"),
        ({"form": "xls"}, "jsonl"),
        ({"beside": ["tag"]}, "tags"),
        ({"split": "trian"}, "train"),
        ({"splt": "train"}, "split"),
    ],
)
def test_what_cannot_be_written_is_refused_before_it_is_queued(
    ws: Workspace, clients: dict[str, TestClient], data: str, recipe: dict[str, object], said: str
) -> None:
    before = len(queue.list(ws))
    refused = clients["trainer"].post("/api/runs", json={"stage": "export", "data": data, "recipe": recipe})
    assert refused.status_code == 400
    assert said in refused.json()["error"]["message"]
    assert len(queue.list(ws)) == before


def test_an_export_is_cancelled_in_the_middle_and_leaves_no_file(
    ws: Workspace, clients: dict[str, TestClient], data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_TOLD_EVERY", 5)
    trainer = clients["trainer"]
    run = trainer.post("/api/runs", json={"stage": "export", "data": data}).json()["id"]
    lease, tell = claimed(ws, run), Lease.should_stop

    def cancelled_at_20(one: Lease) -> str:
        if one.watch.fresh is not None and one.watch.fresh.done == 20:
            trainer.post(f"/api/runs/{run}/cancel")
        return tell(one)

    monkeypatch.setattr(Lease, "should_stop", cancelled_at_20)
    with pytest.raises(StoppedError, match="nothing was kept"), lease:
        work(ws, lease)
    shown = trainer.get(f"/api/runs/{run}").json()
    assert (shown["state"], shown["progress"]["done"]) == ("cancelled", 20)
    assert list((ws.folder / "exports" / run).iterdir()) == []
    gone = trainer.get(f"/api/runs/{run}/file")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")


def test_the_file_goes_after_its_days(ws: Workspace, clients: dict[str, TestClient], data: str) -> None:
    trainer = clients["trainer"]
    old, new = exported(ws, trainer), exported(ws, trainer)
    past = time.time() - 8 * 86_400
    os.utime(ws.folder / "exports" / old, (past, past))
    assert run_files.remove_old(ws) == [old]
    assert run_files.remove_old(ws) == []
    assert trainer.get(f"/api/runs/{new}/file").status_code == 200
    gone = trainer.get(f"/api/runs/{old}/file")
    assert gone.status_code == 404
    assert "kept for 7 days" in gone.json()["error"]["message"]
    assert trainer.get("/api/runs/run-1/file").status_code == 404  # what prepared the data


def test_statistics_are_a_run_too(ws: Workspace, clients: dict[str, TestClient], data: str) -> None:
    trainer = clients["trainer"]
    refused = trainer.post("/api/runs", json={"stage": "statistics", "recipe": {"base": "/etc"}})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "recipe.base")
    run = trainer.post("/api/runs", json={"stage": "statistics", "data": data}).json()["id"]
    with claimed(ws, run) as lease:
        work(ws, lease)
    told = trainer.get(f"/api/runs/{run}").json()
    assert told["result"] == {"data": data, "file": f"{data}-statistics.html", "records": 60}
    figures = trainer.get(f"/api/runs/{run}/statistics")
    assert figures.headers["content-type"] == "application/json"
    assert figures.json() == trainer.get(f"/api/versions/{data}/statistics").json()
    assert (told["progress"]["stage"], told["progress"]["done"]) == ("statistics", 60)
    page = trainer.get(f"/api/runs/{run}/file")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text == trainer.get(f"/api/versions/{data}/statistics.html").text
    forgetting.forget(ws, forgetting.touched(ws, subject="u7"), person="mei")
    assert trainer.get(f"/api/runs/{run}/statistics").status_code == 404
    assert trainer.get(f"/api/runs/{run}/file").status_code == 404


def test_a_file_that_goes_before_it_is_sent_is_told_as_one_that_is_gone(
    ws: Workspace, clients: dict[str, TestClient], data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported(ws, clients["trainer"])
    found = run_files.made_by

    def and_gone(*asked: object) -> Path | None:
        file = found(*asked)  # type: ignore[arg-type]
        assert file is not None
        file.unlink()
        return file

    monkeypatch.setattr(run_files, "made_by", and_gone)
    answer = clients["trainer"].get(f"/api/runs/{run}/file")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_format_that_reads_twice_tells_two_stages(
    ws: Workspace, clients: dict[str, TestClient], data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_TOLD_EVERY", 20)
    told: list[tuple[str, int]] = []
    version = datasets.version(ws, data)
    watch = lambda progress: told.append((progress.stage, progress.done))  # noqa: E731
    for form, passes in (("csv", 2), ("parquet", 2), ("jsonl", 1), ("json", 1)):
        told.clear()
        exporting.export(ws, version, ws.folder / f"a.{form}", layout="columns", progress=watch)
        counts = [20, 40, 60, 60]
        assert told == [(stage, done) for stage in ("check", "export")[2 - passes :] for done in counts]


def test_what_a_killed_attempt_left_half_written_goes(ws: Workspace, data: str) -> None:
    half = ws.path("exports", "run-7") / ".part-0123"
    half.write_text("half")
    assert run_files.place_for(ws, "run-7", "a.jsonl") == half.with_name("a.jsonl")
    assert not half.exists()


def test_a_dry_run_is_a_run_that_keeps_its_report_only(
    ws: Workspace, clients: dict[str, TestClient], data: str
) -> None:
    trainer = clients["trainer"]
    rows = [{"question": f"Who has key {n}?", "answer": f"Mr Li has key {n}, call 1381234{n:04d}."} for n in range(9)]
    sent = {"file": ("keys.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())}
    file = trainer.post("/v1/files", files=sent, data={"purpose": "user_data"}).json()["id"]
    asked = {"stage": "prepare", "files": [file], "dry_run": True}
    assert trainer.post("/api/runs", json={**asked, "dry_run": "yes"}).status_code == 400
    run = trainer.post("/api/runs", json=asked).json()["id"]
    with claimed(ws, run) as lease:
        work(ws, lease)
    told = trainer.get(f"/api/runs/{run}").json()
    assert (told["result"]["data"], sum(told["result"]["splits"].values())) == (None, 9)
    assert trainer.get("/api/versions").json()["data"][0]["name"] == data
    report = clients["viewer"].get(f"/api/runs/{run}/file")
    assert report.headers["content-type"] == "application/json"
    assert report.json()["counts"]["kept"] == 9
    assert any(step["name"] == "personal_data" for step in report.json()["steps"])
    forgetting.forget(ws, forgetting.touched(ws, subject="u7"), person="mei")
    assert trainer.get(f"/api/runs/{run}/file").status_code == 404  # whose words a report quotes is not known


def test_what_is_forgotten_goes_from_exports_too(ws: Workspace, clients: dict[str, TestClient], data: str) -> None:
    trainer = clients["trainer"]
    run = exported(ws, trainer)
    assert b"drawer 7?" in trainer.get(f"/api/runs/{run}/file").content
    found = forgetting.touched(ws, subject="u7")
    waiting = trainer.post("/api/runs", json={"stage": "export", "data": data}).json()["id"]
    with pytest.raises(forgetting.UsageError, match=waiting):
        forgetting.forget(ws, found, person="mei")
    trainer.post(f"/api/runs/{waiting}/cancel")
    forgetting.forget(ws, found, person="mei")
    assert trainer.get(f"/api/runs/{run}/file").status_code == 404
    assert not any("drawer 7?" in file.read_text() for file in ws.folder.rglob("*.jsonl"))
