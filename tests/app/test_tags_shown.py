"""Tags, repeats and terms through the doors: the same figures on the command line, in a trial and over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.jobs.served import client_of

from tuneloop.app.cli.main import main
from tuneloop.app.wiring import work
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.store.files import add_file

Capture = pytest.CaptureFixture[str]
RECIPE = """
prepare:
  tags: topic
  steps: [exact_duplicates, urls]
  sources:
    faq.jsonl: {kind: expert, grade: A, consent: 服务团队书面同意}
"""


def said(capsys: Capture, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main([*words, "-w", "w"]) == code
    return capsys.readouterr().out


def document(capsys: Capture, *words: str) -> Any:
    return json.loads(said(capsys, *words, "--json"))


@pytest.fixture
def client() -> TestClient:
    rows = [
        {"question": f"{'退款' * 3}第{n}问", "answer": f"第{n}答，见 https://e.cn/{n}", "topic": "退款"}
        for n in range(30)
    ]
    rows += [{"question": f"{'物流' * 3}第{n}问", "answer": f"第{n}答，都好", "topic": "物流"} for n in range(30)]
    rows += rows[:2]
    Path("faq.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    Path("recipe.yaml").write_text(RECIPE, encoding="utf-8")
    with Workspace.find("w") as ws:
        return client_of(ws)


def test_tags_terms_and_repeats_are_the_same_through_every_door(
    client: TestClient, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    trial = said(capsys, "prepare", "faq.jsonl", "--recipe", "recipe.yaml", "--dry-run")
    assert "退款 100 % (!)" in trial
    said(capsys, "prepare", "faq.jsonl", "--recipe", "recipe.yaml")
    tags = document(capsys, "data", "tags")
    assert tags == client.get("/api/versions/data-1/tags").json()["data"]
    assert [(one["tag"], one["records"], one["items"], one["grades"]) for one in tags] == [
        ("物流", 30, 30, {"A": 30}),
        ("退款", 30, 32, {"A": 30}),
    ]
    shown = said(capsys, "data", "tags")
    assert "A:30" in shown
    assert "results" not in shown  # no model was evaluated: no column for it
    repeats = document(capsys, "data", "duplicates", "data-1")
    assert repeats == client.get("/api/versions/data-1/duplicates").json()["data"]
    assert document(capsys, "data", "duplicates", "data-1", "--reason", "exact_duplicate") == repeats
    assert document(capsys, "data", "duplicates", "data-1", "--reason", "near_duplicate") == []
    assert "near_duplicate" in said(capsys, "data", "duplicates", "data-1", "--reason", "near_duplicate")
    assert [(one["size"], one["repeats"][0]["why"]) for one in repeats] == [(2, "equal"), (2, "equal")]
    assert "line 61" in said(capsys, "data", "duplicates")
    pages = client.get("/api/versions/data-1/duplicates", params={"limit": 1}).json()
    rest = client.get("/api/versions/data-1/duplicates", params={"after": pages["next"]}).json()
    assert pages["data"] + rest["data"] == repeats
    found = client.get("/api/versions/data-1/records", params={"tag": "退款", "split": "train"}).json()["data"]
    assert len(found) == tags[1]["splits"]["train"] > 0
    assert all("退款" in one["payload"]["messages"][0]["content"] for one in found)
    assert client.get("/api/versions/data-1/records", params={"tag": "nothing"}).json()["data"] == []
    assert "[退款]" in said(capsys, "data", "trace", found[0]["id"])
    (source,) = client.get("/api/sources").json()["data"]
    assert (source["kind"], source["grade"], source["consent"]) == ("expert", "A", "服务团队书面同意")
    assert "服务团队书面同意" in said(capsys, "data", "sources")


def test_mistakes_are_sentences(client: TestClient, capsys: Capture) -> None:
    said(capsys, "prepare", "faq.jsonl", "--set", "tags=answer,topic", code=2)
    said(capsys, "prepare", "faq.jsonl")
    assert "prepare.tags" in said(capsys, "data", "tags")
    assert client.get("/api/versions/data-1/tags").json() == {"data": [], "has_more": False, "next": None}
    refused = client.get("/api/versions/data-1/duplicates", params={"after": "x"})
    assert refused.status_code == 400
    assert "cursor" in refused.json()["error"]["message"]


def test_terms_and_tags_hold_for_uploaded_files_too(client: TestClient, capsys: Capture) -> None:
    content = Path("faq.jsonl").read_bytes()
    recipe = {"tags": {"columns": ["topic"]}, "sources": {"faq.jsonl": {"grade": "A", "tags": ["faq"]}}}
    with Workspace.find("w") as ws:
        one = add_file(ws, ws.blobs.put(content), filename="faq.jsonl", purpose="user_data", size=len(content))
        asked = {"stage": "prepare", "files": [one.id], "recipe": recipe}
        lease = queue.claim(ws, client.post("/api/runs", json=asked).json()["id"])
        assert lease is not None
        with lease:
            work(ws, lease)
    found = client.get("/api/versions/data-1/tags").json()["data"]
    assert {one["tag"]: (one["records"], one["grades"]) for one in found} == {
        "faq": (60, {"A": 60}),
        "物流": (30, {"A": 30}),
        "退款": (30, {"A": 30}),
    }
