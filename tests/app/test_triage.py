"""Triage on the command line and over HTTP: the same words, each under its permission."""

import json

import pytest
from fastapi.testclient import TestClient
from tests.http.test_api import As
from tests.prepare.test_gate import chat

from tuneloop.app.cli.main import main
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.runs import queue
from tuneloop.store import Workspace


@pytest.fixture
def ws(tmp_path):
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def clients(ws):
    app = make_app(Service(ws))
    roles = ("viewer", "labeller", "trainer")
    return {role: TestClient(As(app, role), base_url="http://127.0.0.1") for role in roles}


def test_on_the_command_line(ws, tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    rows = [chat(number, thumb="down" if number < 3 else "up") for number in range(40)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def said(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(["triage", *words, "-w", str(ws.folder)]) == code
        found = capsys.readouterr()
        return found.out if code == 0 else found.err

    (pushed,) = json.loads(said("push", str(log), "--tag", "甲", "--json"))
    assert pushed["counts"]["waiting"] == 40
    assert len(json.loads(said("list", "--thumb", "down", "--tag", "甲", "--json"))["rows"]) == 3
    assert "no reason" in said("refuse", "--thumb", "down", code=2)
    assert json.loads(said("refuse", "--thumb", "down", "--reason", "wrong", "--json"))["moved"] == 3
    assert json.loads(said("take", "4-38", "39", "--person", "mei", "--json"))["moved"] == 36
    assert json.loads(said("wait", "39", "--json"))["counts"]["waiting"] == 2
    assert "mei" in said("list", "5")
    assert "neither numbers" in said("take", code=2)
    assert "5-9" in said("take", "x", code=2)
    capsys.readouterr()
    assert main(["prepare", "triage:", "-w", str(ws.folder), "--json"]) == 0
    assert sum(json.loads(capsys.readouterr().out)["splits"].values()) == 35


def test_over_http(ws, clients):
    body = {"key": "k", "rows": [chat(1, user="13812345678"), {"x": 1}, chat(1)], "tags": ["t"]}
    assert clients["labeller"].post("/api/triage", json=body).status_code == 403
    made = clients["trainer"].post("/api/triage", json=body)
    assert made.status_code == 201
    assert made.json()["counts"] == {"waiting": 1, "taken": 0, "refused": 0, "duplicate": 1, "rejected": 1}
    assert clients["trainer"].post("/api/triage", json=body).json()["again"]
    assert clients["trainer"].post("/api/triage", json={**body, "rows": [chat(2)]}).status_code == 409
    assert clients["trainer"].post("/api/triage", json={**body, "rows": [{}] * 1001}).status_code == 400
    assert clients["viewer"].get("/api/triage").status_code == 403
    page = clients["labeller"].get("/api/triage", params={"state": "waiting", "tag": "t"}).json()
    assert [row["number"] for row in page["data"]] == [1]
    assert "13812345678" not in json.dumps(page)
    assert clients["labeller"].post("/api/triage/decisions", json={"to": "taken", "numbers": [1]}).status_code == 403
    assert clients["trainer"].post("/api/triage/decisions", json={"to": "taken"}).status_code == 400
    assert clients["trainer"].post("/api/triage/decisions", json={"to": "taken", "numbers": [2]}).status_code == 404
    moved = clients["trainer"].post("/api/triage/decisions", json={"to": "taken", "numbers": [1]}).json()
    assert (moved["moved"], moved["counts"]["taken"]) == (1, 1)
    assert clients["labeller"].get("/api/triage/counts").json()["taken"] == 1
    run = clients["trainer"].post("/api/runs", json={"stage": "prepare", "addresses": ["triage:t"]})
    assert run.status_code == 201, run.text
    assert queue.show(ws, run.json()["id"]).spec["addresses"] == ["triage:t"]
