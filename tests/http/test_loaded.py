"""Bases that are loaded and let go by hand, and bases that a setting gives to another server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.http.serving import running
from tests.http.test_api import As

from tuneloop.app.http.answers import Answers
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.app.http.settings import Rules, ServeSettings
from tuneloop.config import read, read_yaml
from tuneloop.errors import SettingError
from tuneloop.serve.backends.fake import FakeBackend
from tuneloop.store import Workspace


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Workspace.find(tmp_path / "w") as ws:
        found = Service(ws)
        found.parts["answers"] = Answers(ws, elsewhere={"org/one": FakeBackend, "two": FakeBackend})
        yield found


def test_a_base_is_loaded_shown_and_let_go(service: Service) -> None:
    with TestClient(As(make_app(service), "trainer"), base_url="http://127.0.0.1") as client:
        assert client.get("/api/loaded").json() == []
        made = client.post("/api/loaded", json={"model": "org/one"})
        assert made.status_code == 201
        assert made.json() == {"base": "org/one", "bytes": 0, "users": 0, "idle": pytest.approx(0, abs=5)}
        client.post("/api/loaded", json={"model": "two"})
        assert [one["base"] for one in client.get("/api/loaded").json()] == ["org/one", "two"]
        assert client.delete("/api/loaded/org/one").status_code == 204
        assert [one["base"] for one in client.get("/api/loaded").json()] == ["two"]
        assert client.delete("/api/loaded/org/one").status_code == 404
        unknown = client.post("/api/loaded", json={"model": "three"})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


def test_who_may_only_look_may_not_load(service: Service) -> None:
    with TestClient(As(make_app(service), "viewer"), base_url="http://127.0.0.1") as client:
        assert client.get("/api/loaded").status_code == 200
        assert client.post("/api/loaded", json={"model": "two"}).status_code == 403
        assert client.delete("/api/loaded/two").status_code == 403


def test_a_settings_file_gives_a_base_to_another_server(tmp_path: Path) -> None:
    with Workspace.find(tmp_path / "far") as far_ws:
        far_service = Service(far_ws)
        far_service.parts["answers"] = Answers(far_ws, elsewhere={"fake": FakeBackend})
        with running(far_service) as far:
            file = tmp_path / "server.yaml"
            there = f"{{name: endpoint, url: {far.url}, model: fake}}"
            file.write_text(f"hosts: {{idle_seconds: 900}}\nbackends:\n  org/far-1.5b: {there}\n")
            settings = read(ServeSettings, read_yaml(file), file=file)
            with Workspace.find(tmp_path / "near") as near_ws:
                near_service = Service(near_ws)
                near_service.parts["rules"] = Rules(settings)
                with running(near_service) as near:
                    client = near.client()
                    said = client.chat.completions.create(
                        model="org/far-1.5b", messages=[{"role": "user", "content": "héllo"}]
                    )
                    assert said.choices[0].message.content == "HÉLLO"
                    assert "org/far-1.5b" in [one.id for one in client.models.list()]
                    assert near_service.parts["answers"].hosts.settings.idle_seconds == 900


def test_a_wrong_backend_is_told_with_its_place() -> None:
    settings = read(ServeSettings, {"backends": {"my-base": {"name": "vlm"}, "other": {"name": "vllm", "urll": "x"}}})
    with pytest.raises(SettingError, match="vllm"):
        settings.made_backend("my-base")
    with pytest.raises(SettingError, match="urll"):
        settings.made_backend("other")
    with pytest.raises(SettingError, match="idle_second"):
        read(ServeSettings, {"hosts": {"idle_second": 5}})
