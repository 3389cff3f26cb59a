"""What people change over HTTP stands in the audit log, with who did it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.team import Team, make_team

from tuneloop.store import models


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    made = make_team(tmp_path / "w")
    yield made
    made.ws.close()


def entries(team: Team, action: str) -> list[dict[str, Any]]:
    """Each with its number and time left out, after a look at who acted."""
    found = team.client("admin").get("/api/audit", params={"action": action}).json()["data"]
    return [{name: one[name] for name in ("person", "name", "key", "target", "details")} for one in found]


def test_approvals_and_aliases(team: Team) -> None:
    ws = team.ws
    folder = ws.path("models", "m")
    (folder / "weights").write_text("x")
    models.add_model(ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={})
    trainer = team.client("trainer")
    targets = {"targets": [{"model": "model-1", "share": 1.0}]}
    assert trainer.put("/api/aliases/support", json={**targets, "override": "a test"}).status_code == 200
    assert trainer.post("/api/models/model-1/approvals", json={"state": "approved"}).status_code == 201
    assert trainer.delete("/api/aliases/support").status_code == 200
    assert trainer.post("/api/aliases/support/rollback", json={}).status_code == 200
    (made,) = entries(team, "alias.set")
    assert (made["person"], made["name"], made["target"]) == (team.people["trainer"], "the trainer", "support")
    assert made["key"]
    assert made["details"] == {"change": 1, "targets": targets["targets"], "override": "a test"}
    (decided,) = entries(team, "model.decide")
    assert (decided["person"], decided["target"], decided["details"]) == (
        team.people["trainer"], "model-1", {"state": "approved"},
    )  # fmt: skip
    (removed,) = entries(team, "alias.remove")
    assert removed["person"] == team.people["trainer"]
    (back,) = entries(team, "alias.roll_back")
    assert (back["person"], back["details"]["back_to"]) == (team.people["trainer"], 1)


def test_settings(team: Team) -> None:
    assert team.client("admin").put("/api/settings/exchanges", json={"log": "off"}).status_code == 200
    (entry,) = entries(team, "settings.change")
    assert (entry["person"], entry["target"]) == (team.people["admin"], "exchanges")
    assert entry["details"] == {"log": "off", "share": 0.1, "redact": True}


def test_files(team: Team) -> None:
    trainer = team.client("trainer")
    row = json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})
    file = trainer.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("t.jsonl", row)}).json()["id"]
    assert trainer.delete(f"/v1/files/{file}").status_code == 200
    assert trainer.delete(f"/v1/files/{file}").status_code == 404
    (entry,) = entries(team, "file.remove")
    assert (entry["person"], entry["target"]) == (team.people["trainer"], file)


def test_webhooks(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("93.184.216.34", 443))])
    admin = team.client("admin")
    made = admin.post("/api/webhooks", json={"url": "https://hooks.example.org/secret-path"}).json()
    assert admin.delete(f"/api/webhooks/{made['id']}").status_code == 204
    (created,), (removed,) = entries(team, "webhook.create"), entries(team, "webhook.remove")
    assert (created["person"], created["target"]) == (team.people["admin"], made["id"])
    assert created["details"]["host"] == "hooks.example.org"
    assert "secret" not in json.dumps(created["details"])
    assert (removed["person"], removed["target"]) == (team.people["admin"], made["id"])
