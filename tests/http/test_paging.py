"""Lists in pages: no cursor starts one over, no row comes twice while rows change, and no filter is ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.http.serving import As
from tuneloop.app.http.application import make_app
from tuneloop.app.http.service import Service
from tuneloop.runs import queue
from tuneloop.store import Workspace


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return TestClient(As(make_app(Service(ws))), base_url="http://127.0.0.1")


def walk(
    client: TestClient, path: str, key: str, between: Callable[[], object] = lambda: None, **asked: Any
) -> list[Any]:
    """What all pages give, with something done between one and the next."""
    seen: list[Any] = []
    after = None
    for _ in range(50):
        answer = client.get(path, params={**asked, **({"after": after} if after else {})})
        assert answer.status_code == 200, answer.text
        seen += [row[key] for row in answer.json()["data"]]
        after = answer.json()["next"]
        if not answer.json()["has_more"]:
            return seen
        between()
    raise AssertionError(f"the pages of {path} have no end: {seen}")


def refused(client: TestClient, path: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 400, (path, asked, answer.text)
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_runs_that_leave_the_filter_between_pages_come_once(ws: Workspace, client: TestClient) -> None:
    runs = [queue.submit(ws, "train", {}) for _ in range(7)]
    leaving = iter(runs[::-1])

    def change() -> None:
        queue.cancel(ws, next(leaving))
        queue.cancel(ws, next(leaving))
        queue.submit(ws, "train", {})

    assert walk(client, "/api/runs", "id", change, state="queued", limit=2) == runs[::-1]
    assert walk(client, "/api/runs", "id", state="cancelled", limit=2) == runs[1:][::-1]
    assert refused(client, "/api/runs", kind="foo")["param"] == "kind"
    for kind in ("train", "forget", "tune", "statistics"):
        assert client.get("/api/runs", params={"kind": kind}).status_code == 200


def test_a_long_curve_comes_in_pages(ws: Workspace, client: TestClient) -> None:
    run = queue.submit(ws, "train", {})
    with queue.claim(ws, run) as lease:  # type: ignore[union-attr]
        lease.metrics({step: {"loss": 1.0 * step, "rate": 0.5, "tokens": 2.0} for step in range(1, 8)})
        path = f"/api/runs/{run}/metrics"
        for limit in (1, 2, 3, 5, 100):
            seen = walk(client, path, "step", limit=limit)
            assert seen == [step for step in range(1, 8) for _ in range(3)]
        assert walk(client, path, "value", names="loss", limit=2) == [1.0 * step for step in range(1, 8)]
        whole = client.get(path).json()
        assert not whole["has_more"]
        assert client.get(path, params={"after": whole["next"]}).json()["data"] == []
        lease.metrics({8: {"loss": 8.0}})
        later = client.get(path, params={"after": whole["next"]}).json()
        assert [point["step"] for point in later["data"]] == [8]
        assert refused(client, path, after="zzz")["param"] == "after"
        lease.finish({})
