"""Fitting a spam classifier over HTTP, and which models a run's steps may name there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.http.serving import As

from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.app.wiring import work
from tuneloop.config import read
from tuneloop.errors import SettingError, TuneloopError
from tuneloop.prepare import PrepareRecipe, spam_model
from tuneloop.prepare.decision import Drop
from tuneloop.prepare.step import StepContext, steps
from tuneloop.records import Record
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.text.spam import training
from tuneloop.text.spam.rows import patterns

EXAMPLES = "text,label\n" + "".join(f"紫藤计划第{n}批船票开放，spam\n第{n}次会议改到三点，ham\n" for n in range(9))


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return TestClient(As(make_app(Service(ws)), "trainer"), base_url="http://127.0.0.1")


def test_a_run_fits_a_classifier_and_the_step_takes_its_id(
    ws: Workspace, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spam_model, "own_rows", lambda each: training.own_rows(patterns()[::10], 2))
    monkeypatch.setattr(training, "ROUNDS", 60)
    sent = {"file": ("examples.csv", EXAMPLES.replace("，", ",").encode())}
    file = client.post("/v1/files", files=sent, data={"purpose": "user_data"}).json()["id"]
    run = client.post("/api/runs", json={"stage": "spam_model", "files": [file]}).json()["id"]
    lease = queue.claim(ws, run)
    assert lease is not None
    with lease:
        work(ws, lease)
    told = client.get(f"/api/runs/{run}").json()["progress"]
    assert (told["stage"], told["done"], told["units"]) == ("fit", told["total"], {"en": "rounds", "zh": "轮"})
    result = client.get(f"/api/runs/{run}").json()["result"]
    assert (result["file"], result["spam"], result["ham"]) == (run, 9, 9)
    step = steps.create({"name": "spam", "model": run}).start(StepContext(b"", ws))
    assert isinstance(step.decide_one(Record("text", text="紫藤计划第三批船票，开放了")), Drop)
    assert client.post("/api/runs", json={"stage": "spam_model", "files": []}).status_code == 400
    recipe = {"steps": [{"name": "spam", "model": run}]}
    assert client.post("/api/runs", json={"stage": "prepare", "files": [file], "recipe": recipe}).status_code == 201


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"name": "mismatched_answers", "judge": {"model": "m", "url": "http://10.0.0.1/v1"}}, "judge.url"),
        ({"name": "contradictions", "judge": {"model": "model-1", "key_variable": "HOME"}}, "judge.key_variable"),
        ({"name": "contradictions", "judge": {"model": "/etc"}}, "judge.model"),
        ({"name": "perplexity", "model": "../other"}, "steps[0].model"),
        ({"name": "spam", "model": "/etc/passwd"}, "steps[0].model"),
        ({"name": "contamination", "against": ["data-1", "/etc/passwd"]}, "steps[0].against"),
        ({"name": "contamination", "against": ["data-1/../../secret.jsonl"]}, "steps[0].against"),
    ],
)
def test_addresses_and_files_of_the_server_are_not_named_over_http(
    client: TestClient, step: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/runs", json={"stage": "prepare", "files": ["file-a"], "recipe": {"steps": [step]}})
    assert answer.status_code == 400
    assert field in answer.text
    assert "over HTTP only" in answer.text
    job = {"model": "starter", "training_file": "file-a", "tuneloop": {"prepare": {"steps": [step]}}}
    answer = client.post("/v1/fine_tuning/jobs", json=job)
    assert answer.status_code == 400
    assert field in answer.text
    assert "over HTTP only" in answer.text


@pytest.mark.parametrize("default", ["normalize", "contamination"])
def test_no_step_is_named_in_the_settings_of_another(client: TestClient, default: str) -> None:
    for step in ({"name": "spam", "model": "/etc/passwd"}, {"name": "contamination", "against": ["/etc/passwd"]}):
        recipe = {"steps": {default: step}}
        answer = client.post("/api/runs", json={"stage": "prepare", "files": ["file-a"], "recipe": recipe})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "recipe.steps"
        assert default in answer.text
        with pytest.raises(SettingError):
            read(PrepareRecipe, recipe)


@pytest.mark.parametrize("key", ["extend", "test_of"])
def test_a_version_that_is_not_there_is_refused_before_anything_is_queued(
    ws: Workspace, client: TestClient, key: str
) -> None:
    sent = {"file": ("examples.csv", EXAMPLES.replace("，", ",").encode())}
    file = client.post("/v1/files", files=sent, data={"purpose": "user_data"}).json()["id"]
    answer = client.post("/api/runs", json={"stage": "prepare", "files": [file], "recipe": {key: "data-9"}})
    assert answer.status_code == 404
    assert "data-9" in answer.text
    assert not queue.list(ws)


def test_an_address_with_a_password_is_refused_and_kept_nowhere(ws: Workspace, client: TestClient) -> None:
    address = "https://mei:s3cretw0rd@example.org/page"
    answer = client.post("/api/runs", json={"stage": "prepare", "addresses": [address]})
    assert answer.status_code == 400
    assert "example.org holds a user or password" in answer.text
    assert "s3cretw0rd" not in answer.text
    assert not queue.list(ws)


@pytest.mark.parametrize("good", [True, False])
def test_copies_of_uploaded_files_go_when_a_run_ends(ws: Workspace, client: TestClient, good: bool) -> None:
    rows = "question,answer\n" + "".join(f"第{n}家店几点开门？,第{n}家店{n % 12}点开门。\n" for n in range(9))
    sent = {"file": ("shops.csv", (rows if good else "colour,size\nred,3\n").encode())}
    file = client.post("/v1/files", files=sent, data={"purpose": "user_data"}).json()["id"]
    run = client.post("/api/runs", json={"stage": "prepare", "files": [file]}).json()["id"]
    ws.path("runs", run, "inputs", file).joinpath("shops.csv").write_text("question,ans")  # a killed process's half
    lease = queue.claim(ws, run)
    assert lease is not None
    with nullcontext() if good else pytest.raises(TuneloopError), lease:
        work(ws, lease)
    assert queue.show(ws, run).state == ("succeeded" if good else "failed")
    assert not list(ws.folder.glob("runs/*/inputs"))
    assert client.delete(f"/v1/files/{file}").status_code == 200
