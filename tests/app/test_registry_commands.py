"""`tuneloop models approve …` and `tuneloop aliases`: the same rows as over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.jobs.served import client_of

from tuneloop.app.cli.main import main
from tuneloop.store import Workspace
from tuneloop.store.models import add_model

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ws() -> Iterator[Workspace]:
    """Three versions in the workspace `w` of the current folder."""
    with Workspace.find("w") as ws:
        for number in range(3):
            folder = ws.path("models") / f"made-{number}"
            folder.mkdir()
            (folder / "adapter_config.json").write_text(json.dumps({"n": number}))
            add_model(ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={})
        yield ws


def document(capsys: Capture, *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main([*words, "--json", "-w", "w"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_version_is_approved_pointed_to_tried_and_taken_back(ws: Workspace, capsys: Capture) -> None:
    http = client_of(ws)
    refused = document(capsys, "aliases", "set", "support", "model-1", code=1)["error"]
    assert "model-1 is candidate" in refused["message"]
    made = document(capsys, "models", "approve", "model-1", "--note", "good", "--person", "Li Na")
    assert (made["state"], made["person"], made["note"]) == ("approved", "Li Na", "good")
    assert http.get("/api/models/model-1/approvals").json()["data"] == [made]
    first = document(capsys, "aliases", "set", "support", "model-1")
    assert first == http.get("/api/aliases/support").json() | {"targets": [{"model": "model-1", "share": 1.0}]}
    assert "command line" in first["person"]
    document(capsys, "models", "approve", "model-2")
    tried = document(capsys, "aliases", "canary", "support", "model-2", "--share", "0.2")
    assert [(one["model"], round(one["share"], 6)) for one in tried["targets"]] == [("model-1", 0.8), ("model-2", 0.2)]
    grown = document(capsys, "aliases", "canary", "support", "model-2", "--share", "0.5")
    assert [(one["model"], round(one["share"], 6)) for one in grown["targets"]] == [("model-1", 0.5), ("model-2", 0.5)]
    back = document(capsys, "aliases", "rollback", "support", "--to", str(first["number"]), "--note", "worse")
    assert (back["targets"], back["rolled_back_to"], back["note"]) == (first["targets"], first["number"], "worse")
    overridden = document(capsys, "aliases", "canary", "support", "model-3", "--override", "a test of one hour")
    assert overridden["overridden"] == "a test of one hour"
    history = document(capsys, "aliases", "history", "support")
    assert [one["number"] for one in history] == [
        one["number"] for one in (overridden, back, grown, tried, first)
    ]  # fmt: skip
    assert history == http.get("/api/aliases/support/history").json()["data"]
    listed = {one["name"]: (one["state"], one["aliases"]) for one in document(capsys, "models")}
    assert listed == {
        "model-1": ("approved", ["support"]), "model-2": ("approved", []), "model-3": ("candidate", ["support"]),
    }  # fmt: skip
    held = document(capsys, "models", "retire", "model-1", code=1)["error"]
    assert "holds the alias 'support'" in held["message"]
    assert document(capsys, "aliases", "remove", "support")["targets"] == []
    assert document(capsys, "aliases") == []
    assert document(capsys, "models", "retire", "model-1")["state"] == "retired"
    assert [one["state"] for one in document(capsys, "models", "history", "model-1")] == ["retired", "approved"]
    assert document(capsys, "models", "reopen", "model-1")["state"] == "candidate"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_said_to_a_person(
    ws: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("TUNELOOP_LANG", language)
    for words, told in (
        (["aliases"], {"en": "No alias yet.", "zh": "还没有别名。"}),
        (["models", "approve", "model-2"], {"en": "model-2 is approved, by", "zh": "model-2 现为“已批准”，操作人："}),
        (["aliases", "set", "a", "model-2"], {"en": "a answers with model-2.", "zh": "a 现在指向 model-2。"}),
        (["aliases", "canary", "a", "model-1", "--override", "x"], {"en": "because: x", "zh": "理由：x"}),
        (["aliases"], {"en": "90%", "zh": "10%"}),
        (["models"], {"en": "approved", "zh": "已批准"}),
        (["models", "history", "model-3"], {"en": "Nobody has decided", "zh": "还没有审批记录"}),
    ):
        capsys.readouterr()
        assert main([*words, "-w", "w"]) == 0
        assert told[language] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["aliases", "sett", "a", "model-1"], 2),
        (["aliases", "set", "a"], 2),
        (["aliases", "list", "a"], 2),
        (["aliases", "canary", "a", "model-1", "--share", "1"], 2),
        (["aliases", "rollback", "nobody"], 1),
        (["aliases", "history", "nobody"], 1),
        (["aliases", "set", "model-9", "model-1"], 2),
        (["models", "approve"], 2),
        (["models", "approve", "model-9"], 1),
        (["models", "list", "model-1"], 2),
    ],
)
def test_wrong_use_is_told(ws: Workspace, capsys: Capture, words: list[str], code: int) -> None:
    assert main([*words, "-w", "w"]) == code
    assert "Error: " in capsys.readouterr().err
