"""What a workspace keeps of the settings of `tuneloop serve`: bases by name, the organization, webhooks inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.test_server import Served
from tests.jobs.served import chat_lines, client_of, jsonl

from tuneloop.access import audit
from tuneloop.app.http.settings import ServeSettings, keep
from tuneloop.config import read
from tuneloop.errors import SettingError
from tuneloop.store import Workspace

INSIDE = {"url": "http://127.0.0.1:9/hook"}


@pytest.fixture
def started() -> Iterator[list[Served]]:
    made: list[Served] = []
    yield made
    for one in made:
        one.stop()


def job_of(client: Any, model: str) -> dict[str, Any]:
    file = client.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("t.jsonl", jsonl(chat_lines()))})
    made = client.post("/v1/fine_tuning/jobs", json={"model": model, "training_file": file.json()["id"]})
    found: dict[str, Any] = made.json()
    return found


def test_the_settings_file_of_serve_is_the_door(tmp_path: Path, tiny_base: Path, started: list[Served]) -> None:
    folder, file = tmp_path / "w", tmp_path / "server.yaml"
    with Workspace.find(folder) as ws:
        client = client_of(ws)
        refused = client.post("/api/webhooks", json=INSIDE).json()["error"]["message"]
        assert "tuneloop serve --set webhooks_private=true" in refused
        unknown = job_of(client, str(tiny_base))["error"]
        assert unknown["code"] == "model_not_found"
        assert "tuneloop serve --set bases.NAME=FOLDER" in unknown["message"]
        assert job_of(client, "starter")["organization_id"] == "org-local"
    file.write_text(f"bases: {{tiny: {tiny_base}}}\norganization: lab\nwebhooks_private: true\n")
    served = Served(folder, "--port", "0", "--settings", str(file))
    started.append(served)
    with served.client(served.told["first"]["key"]) as by_http:
        assert by_http.post("/api/webhooks", json=INSIDE).status_code == 201
        noted = by_http.get("/api/audit", params={"action": "settings.change"}).text
        assert all(key in noted for key in ("bases", "organization", "webhooks_private"))
    assert served.stop() == 0
    with Workspace.find(folder) as ws:  # other servers and commands of the workspace know it, too
        client = client_of(ws)
        assert client.post("/api/webhooks", json=INSIDE).status_code == 201
        job = job_of(client, "tiny")
        assert (job["model"], job["organization_id"]) == ("tiny", "org-lab")


def test_a_setting_is_kept_until_another_is_said(tmp_path: Path) -> None:
    with Workspace.find(tmp_path / "w") as ws:
        client = client_of(ws)
        for said, status in (({"webhooks_private": True}, 201), ({}, 201), ({"webhooks_private": False}, 400)):
            keep(ws, read(ServeSettings, said))
            assert client.post("/api/webhooks", json=INSIDE).status_code == status
        keep(ws, read(ServeSettings, {"webhooks_private": False}))
        changes = [one.details["value"] for one in audit.entries(ws, action="settings.change")]
        assert changes == [False, True]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"bases": {"mine": "/no/such/folder"}}, "there is no folder /no/such/folder"),
        ({"bases": {"a:b": "starter"}}, "pattern"),
        ({"bases": {"starter": "qwen/small"}}, "is taken"),
        ({"bases": {"model-3": "qwen/small"}}, "is taken"),
        ({"organization": "a:b"}, "pattern"),
        ({"webhooks_private": "perhaps"}, "boolean"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_server_starts(said: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingError, match=why):
        read(ServeSettings, said)


def test_a_folder_is_kept_by_its_whole_path(tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's process need not stand where the server was started."""
    monkeypatch.chdir(tiny_base.parent)
    chosen = read(ServeSettings, {"bases": {"tiny": f"./{tiny_base.name}", "hub": "qwen/small"}})
    assert chosen.bases == {"tiny": str(tiny_base.resolve()), "hub": "qwen/small"}
