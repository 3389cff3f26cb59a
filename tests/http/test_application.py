"""Every route names a permission; everything that goes wrong has one shape."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from tuneloop.access.permissions import ROLES, permissions_of
from tuneloop.app.http import application
from tuneloop.app.http.service import Service
from tuneloop.store import Workspace


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(Workspace.find(tmp_path))


def test_every_route_names_a_known_permission() -> None:
    known = permissions_of("admin") | {"open", "signed-in"}
    found = dict(application.routes(application.routers()))
    assert "/healthz" in found
    for path, route in found.items():
        assert application.permission_of(route) in known, path


def test_a_route_without_permission_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()
    router.get("/secret")(lambda: "told")
    monkeypatch.setattr(application, "routers", lambda: [("/api", router)])
    with pytest.raises(RuntimeError, match="the route /api/secret names no permission"):
        application.make_app(service)


def test_roles_grow() -> None:
    for less, more in pairwise(ROLES):
        assert permissions_of(less) < permissions_of(more)


def test_errors_have_one_shape(service: Service) -> None:
    client = TestClient(application.make_app(service), base_url="http://127.0.0.1")
    answer = client.get("/v1/nowhere")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "message": "Unknown request URL: GET /v1/nowhere",
            "type": "invalid_request_error",
            "param": None,
            "code": "unknown_url",
        }
    }
    assert answer.headers["x-request-id"].startswith("req_")
    refused = client.post("/healthz")
    assert refused.status_code == 405
    assert refused.json()["error"]["code"] == "method_not_allowed"


def test_health(service: Service) -> None:
    client = TestClient(application.make_app(service), base_url="http://127.0.0.1")
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
