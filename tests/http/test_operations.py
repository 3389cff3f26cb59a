"""What operators see: metrics that count, and a description whose examples run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from tests.http.test_api import LINES, As

from tuneloop import loop
from tuneloop.access import people
from tuneloop.access.audit import Actor
from tuneloop.app.http.application import make_app
from tuneloop.app.http.measuring import CountedExchanges, Meters
from tuneloop.app.http.service import Service
from tuneloop.runs import queue
from tuneloop.serve import approvals
from tuneloop.serve.exchanges import Exchange, ExchangeLog, exchanges
from tuneloop.store import Workspace, models


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return TestClient(As(make_app(Service(ws)), "admin"), base_url="http://127.0.0.1")


def samples(client: TestClient) -> dict[tuple[str, frozenset[Any]], float]:
    text = client.get("/metrics").text
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def counted(client: TestClient, name: str, **labels: str) -> float:
    return samples(client).get((name, frozenset(labels.items())), 0.0)


def test_requests_are_counted_by_function_and_status(client: TestClient) -> None:
    for _ in range(3):
        client.get("/api/models")
    client.get("/api/models/model-77")
    client.get("/nowhere/at/all")
    name = "tuneloop_http_requests_total"
    assert counted(client, name, route="api.models.list_models", method="GET", status="200") == 3
    assert counted(client, name, route="api.models.show_model", method="GET", status="404") == 1
    assert counted(client, name, route="", method="", status="404") == 1
    assert counted(client, "tuneloop_http_seconds_count", route="api.models.list_models") == 3


def test_runs_are_shown_by_state(client: TestClient, ws: Workspace) -> None:
    assert counted(client, "tuneloop_runs", state="queued") == 0
    queue.submit(ws, "train", {})
    assert counted(client, "tuneloop_runs", state="queued") == 1


def test_answers_and_tokens_are_counted_whether_kept_or_not(ws: Workspace) -> None:
    from tuneloop.serve.exchanges import set_logging

    set_logging(ws, {"log": "off"})
    meters = Meters()
    CountedExchanges(meters, ExchangeLog(ws)).note(
        Exchange(
            id="chatcmpl-1",
            asked="starter",
            model="starter",
            caller="user-1",
            outcome="answered",
            latency=0.5,
            first_token=0.1,
            prompt_tokens=7,
            completion_tokens=3,
            request={},
            replies=[],
        )
    )
    read = meters.registry.get_sample_value
    assert read("tuneloop_tokens_total", {"model": "starter", "kind": "completion"}) == 3
    assert read("tuneloop_answers_total", {"model": "starter", "outcome": "answered"}) == 1
    assert exchanges(ws) == []


def test_the_examples_of_the_description_run(client: TestClient, ws: Workspace, tmp_path: Path) -> None:
    """Each body of ours with an example is sent as it stands, to routes whose names exist here."""
    people.create(ws, Actor(None, "test"), "Li Na", "admin")
    lines = LINES.splitlines()
    file = tmp_path / "drawers.jsonl"
    whose = '{"question": "Whose is key 7?", "answer": "It is mine.", "customer_id": "customer-7"}'
    file.write_text("\n".join([*lines[:3], '{"question": "", "answer": ""}', *lines[3:], whose]), encoding="utf-8")
    data = loop.prepare(file, workspace=ws)
    folder = ws.path("models", "m1")
    (folder / "weights").write_text("w")
    model = models.add_model(
        ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}, dataset=data.name
    )
    approvals.decide(ws, model.name, "approved", person="Li")
    ExchangeLog(ws).note(
        Exchange("chatcmpl-1", "starter", "starter", "user-1", "answered", 0.1, 1, 1, {}, [{"content": "x"}])
    )
    described = client.get("/api/openapi.json").json()
    ran = {}
    for path, methods in described["paths"].items():
        name = data.name if "/versions" in path else "review-1" if "/reviews" in path else model.name
        names = {"alias": "support", "identity": "chatcmpl-1", "name": name}
        for method, operation in methods.items():
            for example in _body(described, operation).get("examples", []):
                ours = path.startswith("/api/") and not path.startswith("/api/session")  # that one needs a password
                if ours and all(name in names for name in re.findall(r"{(\w+)}", path)):
                    if "/reviews/" in path:  # a record of the sample in place of the one that stands for it
                        drawn = client.get("/api/reviews/review-1/items").json()["data"][0]["record"]
                        example = json.loads(json.dumps(example).replace(json.dumps("r1:6b1f…")[1:-1], drawn))
                    answer = client.request(method, path.format(**names), json=example)
                    ran[path] = answer.status_code
                    assert answer.status_code in (200, 201, 409), f"{path}: {answer.text}"
    for path in (
        "/api/aliases/{alias}",
        "/api/runs",
        "/api/exchanges/{identity}/feedback",
        "/api/models/{name}/approvals",
        "/api/versions/{name}/restores",
        "/api/choose",
        "/api/forgetting",
    ):
        assert ran.get(path) in (200, 201), path


def _body(described: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in content:
        found: dict[str, Any] = described["components"]["schemas"][content["$ref"].rpartition("/")[2]]
        return found
    return dict(content)


def test_every_operation_is_described_once(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    names = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
    assert "/v1/files" in described["paths"]
