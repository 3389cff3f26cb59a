"""Pseudonyms over HTTP: an admin gets the values and leaves a trace, nobody else gets any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.http.team import make_team

from tuneloop.prepare import PrepareRecipe, prepare, versions
from tuneloop.prepare.pseudonyms import PATTERN
from tuneloop.store import keys


def test_an_admin_alone_gets_values_and_the_log_tells(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team(tmp_path)
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"q": "我的手机是13812345678", "a": "好的，已经记下了。"}, ensure_ascii=False))
    version = prepare(file, workspace=team.ws, recipe=PrepareRecipe(split="train_only"))
    text = next(record.full_text for record, _, _ in versions.records(team.ws, version))
    (sign,) = (match.group() for match in PATTERN.finditer(text))
    for role in ("viewer", "labeller", "trainer"):
        assert team.client(role).post("/api/revealing", json={"text": sign}).status_code == 403
    admin = team.client("admin")
    answer = admin.post("/api/revealing", json={"text": f"回电{sign}"})
    assert answer.json() == {
        "text": "回电13812345678",
        "pseudonyms": [{"pseudonym": sign, "outcome": "revealed", "kind": "mobile", "value": "13812345678"}],
    }
    assert answer.headers["cache-control"] == "no-store"
    (entry,) = admin.get("/api/audit", params={"action": "personal_data.reveal"}).json()["data"]
    assert (entry["person"], entry["target"], entry["outcome"]) == (team.people["admin"], sign, "done")
    assert admin.post("/api/revealing", json={"text": "nothing in here"}).status_code == 400
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path_factory.mktemp("away") / "key"))
    refused = admin.post("/api/revealing", json={"text": sign})
    assert refused.status_code == 400
    assert "the key to originals is not here" in refused.json()["error"]["message"]
