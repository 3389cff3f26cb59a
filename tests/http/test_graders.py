"""Graders and previews over HTTP; webhooks as the official client checks them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from tests.evaluate.world import add_tuned, add_version, chat, learn
from tests.http.serving import running
from tests.jobs.served import chat_line, chat_lines, client_of, jsonl

from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.errors import UsageError
from tuneloop.jobs import stopping, webhooks
from tuneloop.serve.backends.fake import FakeBackend
from tuneloop.store import Workspace, settings
from tuneloop.store.jobs_tables import webhook_deliveries

SAME = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return client_of(ws)


def run(client: TestClient, grader: Mapping[str, Any], sample: str, item: Any = None) -> Any:
    body = {"grader": grader, "model_sample": sample, "item": item or {}}
    return client.post("/v1/fine_tuning/alpha/graders/run", json=body)


def test_a_grader_is_tried_and_checked(client: TestClient) -> None:
    assert run(client, SAME, "42", {"answer": "42"}).json()["reward"] == 1.0
    assert run(client, SAME, "41", {"answer": "42"}).json()["reward"] == 0.0
    missing = run(client, SAME, "41", {}).json()
    assert missing["metadata"]["errors"]["invalid_variable_error"]
    checked = client.post("/v1/fine_tuning/alpha/graders/validate", json={"grader": SAME})
    assert checked.json()["grader"] == SAME


JUDGE = {
    "type": "score_model",
    "name": "judge",
    "model": "fake",
    "range": [0, 10],
    "input": [{"role": "user", "content": "{{sample.output_text}} against {{item.answer}}"}],
    "sampling_params": {"temperature": 0.5, "max_completions_tokens": 64},
}


def test_a_model_that_grades_is_asked_as_chat_asks_it(ws: Workspace) -> None:
    settings.set_setting(ws, "bases", {"fake": "fake"})
    fakes: list[FakeBackend] = []

    def fake() -> FakeBackend:
        fakes.append(FakeBackend(context=200))
        return fakes[-1]

    with client_of(ws, answers=Answers(ws, elsewhere={"fake": fake})) as client:
        told = run(client, JUDGE, "say 7.5 or 12", {"answer": "8"}).json()  # it says that again, in capitals
        assert told["reward"] == 7.5
        (ask,) = fakes[0].asked
        assert (ask.max_tokens, ask.temperature, ask.messages[0]["content"]) == (64, 0.5, "say 7.5 or 12 against 8")
        question = len("say 7.5 or 12 against 8")
        metadata = told["metadata"]
        assert (metadata["sampled_model_name"], metadata["token_usage"]) == ("fake", 2 * question)
        assert told["model_grader_token_usage_per_model"] == {"fake": 2 * question}
        assert not any(metadata["errors"].values())
        both = {
            "type": "multi",
            "name": "both",
            "graders": {"judge": JUDGE, "same": SAME},
            "calculate_output": "judge / 10 + same",
        }
        mixed = run(client, both, "3", {"answer": "4"}).json()
        assert (mixed["reward"], mixed["sub_rewards"]) == (pytest.approx(0.3), {"judge": 3.0, "same": 0.0})
        silent = run(client, JUDGE, "no number", {"answer": "-"}).json()
        assert silent["reward"] == 0
        assert silent["metadata"]["errors"]["model_grader_parse_error"]
        long = run(client, JUDGE, "5" * 500, {"answer": "-"}).json()
        assert long["reward"] == 0
        assert long["metadata"]["errors"]["model_grader_server_error"]
        assert "context length" in long["metadata"]["errors"]["model_grader_server_error_details"]
    unknown = run(client_of(ws), {**JUDGE, "model": "gpt-9"}, "a", {"answer": "b"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.slow
def test_a_tuned_model_grades(ws: Workspace, tiny_base: Path, tmp_path: Path) -> None:
    """By the model itself in its own process: it knows by heart what to say to each of two answers."""
    known = [chat("Rate good", "0.75"), chat("Rate bad", "0.25")]
    version = add_version(ws, [(record, "train") for record in known])
    made = add_tuned(ws, tiny_base, learn(tmp_path / "learned", tiny_base, "adapter", known), version)
    grader = {**JUDGE, "model": made.name, "range": [0, 1], "sampling_params": {}}
    grader["input"] = [{"role": "user", "content": "Rate {{sample.output_text}}"}]
    with running(Service(ws, {"answers": Answers(ws)})) as server:
        client = server.client()
        for sample, reward in (("good", 0.75), ("bad", 0.25)):
            told: Any = client.fine_tuning.alpha.graders.run(grader=grader, model_sample=sample)  # type: ignore[arg-type]
            assert told.reward == reward
            assert told.metadata.sampled_model_name == made.name
            assert told.metadata.token_usage > 0


@pytest.mark.parametrize(
    ("grader", "param", "code"),
    [
        ({"type": "python", "name": "p", "source": "import os"}, "grader.type", "unsupported_parameter"),
        ({"type": "magic", "name": "p"}, "grader.type", "setting"),
        ({**SAME, "operation": "gt"}, "grader.operation", "setting"),
        ({**SAME, "input": "{{user.name}}"}, "grader", "setting"),
        (
            {"type": "multi", "name": "m", "graders": {"a": SAME}, "calculate_output": "a + b"},
            "grader.calculate_output",
            "setting",
        ),
        (
            {"type": "multi", "name": "m", "graders": {"a": SAME}, "calculate_output": "__import__('os')"},
            "grader.calculate_output",
            "setting",
        ),
    ],
)
def test_a_wrong_grader_is_refused_with_the_path(
    client: TestClient, grader: dict[str, Any], param: str, code: str
) -> None:
    answer = client.post("/v1/fine_tuning/alpha/graders/validate", json={"grader": grader})
    assert (answer.status_code, answer.json()["error"]["param"], answer.json()["error"]["code"]) == (400, param, code)


def test_a_preview_shows_what_training_reads(client: TestClient) -> None:
    rows = [*chat_lines(9), {"messages": [{"role": "user", "content": "alone"}]}, chat_line("long", "x " * 5000)]
    file = client.post(
        "/v1/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", jsonl(rows))}
    ).json()["id"]  # fmt: skip
    lines = client.get(f"/api/files/{file}/preview?limit=11").json()["lines"]
    assert [line["line"] for line in lines] == list(range(1, 12))
    assert lines[0]["messages"][1]["content"] in lines[0]["rendered"]
    assert lines[0]["tokens"] > 5
    assert [line["usable"] for line in lines] == [True] * 9 + [False, True]
    assert lines[9]["problems"][0]["code"] == "example_missing_assistant_message"
    assert lines[10]["problems"][0]["code"] == "too_long"
    assert len(client.get(f"/api/files/{file}/preview?limit=2").json()["lines"]) == 2
    assert client.get("/api/files/file-nobody/preview").status_code == 404


class Listener:
    """A web server that keeps what it is told and answers with the statuses given, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.told: list[tuple[dict[str, str], bytes]] = []
        told, left = self.told, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told.append((dict(self.headers.items()), body))
                self.send_response(left.pop(0) if left else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?a=b"


def cancelled_job(client: TestClient, ws: Workspace) -> str:
    file = client.post(
        "/v1/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", jsonl(chat_lines()))}
    ).json()["id"]  # fmt: skip
    job = client.post("/v1/fine_tuning/jobs", json={"model": "starter", "training_file": file}).json()["id"]
    stopping.cancel(ws, job)
    return str(job)


def due_now(ws: Workspace) -> None:
    with ws.db.write() as connection:
        connection.execute(update(webhook_deliveries).values(due=1.0))


def test_word_is_sent_until_it_arrives_and_the_official_client_accepts_it(client: TestClient, ws: Workspace) -> None:
    settings.set_setting(ws, webhooks.PRIVATE, True)
    listener = Listener(500, 302)
    made = client.post("/api/webhooks", json={"url": listener.url}).json()
    assert "secret" not in {key for one in client.get("/api/webhooks").json() for key, value in one.items() if value}
    job = cancelled_job(client, ws)
    assert webhooks.deliver_due(ws) == 0
    assert webhooks.deliver_due(ws) == 0  # not due yet: a pause comes first
    due_now(ws)
    assert webhooks.deliver_due(ws) == 0  # a redirect is not followed
    due_now(ws)
    assert webhooks.deliver_due(ws) == 1
    due_now(ws)
    assert webhooks.deliver_due(ws) == 0
    assert len({headers["webhook-id"] for headers, _ in listener.told}) == 1
    headers, body = listener.told[-1]
    official = openai.OpenAI(api_key="x", webhook_secret=made["secret"])
    event = official.webhooks.unwrap(body.decode(), headers)
    assert (event.type, event.data.id) == ("fine_tuning.job.cancelled", job)  # type: ignore[union-attr]
    with pytest.raises(openai.InvalidWebhookSignatureError):
        official.webhooks.unwrap(body.decode() + " ", headers)
    assert client.delete(f"/api/webhooks/{made['id']}").status_code == 204
    assert client.delete(f"/api/webhooks/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:192.168.0.1]/x",
        "https://localhost:8400/x",
        "https://0/x",
        "http://example.com/x",
        "ftp://example.com/x",
        "file:///etc/passwd",
    ],
)
def test_addresses_inside_the_network_are_refused(ws: Workspace, url: str) -> None:
    with pytest.raises(UsageError):
        webhooks.add(ws, name="", url=url)


def test_an_address_that_moves_inside_later_is_not_asked(
    client: TestClient, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.set_setting(ws, webhooks.PRIVATE, True)
    listener = Listener()
    webhooks.add(ws, name="", url=listener.url.replace("http:", "https:"))
    settings.set_setting(ws, webhooks.PRIVATE, None)
    cancelled_job(client, ws)
    assert webhooks.deliver_due(ws) == 0
    assert listener.told == []


def test_a_webhook_hears_only_what_it_asked_for(client: TestClient, ws: Workspace) -> None:
    settings.set_setting(ws, webhooks.PRIVATE, True)
    webhooks.add(ws, name="", url="http://127.0.0.1:9/x", kinds=["fine_tuning.job.succeeded"])
    cancelled_job(client, ws)
    with ws.db.read() as connection:
        assert connection.execute(webhook_deliveries.select()).all() == []


def test_the_body_is_what_the_protocol_says(client: TestClient, ws: Workspace) -> None:
    settings.set_setting(ws, webhooks.PRIVATE, True)
    webhooks.add(ws, name="", url="http://127.0.0.1:9/x")
    job = cancelled_job(client, ws)
    sent: list[bytes] = []
    webhooks.deliver_due(ws, lambda ws, url, body, headers: sent.append(body) or 200)  # type: ignore[func-returns-value]
    (told,) = [json.loads(body) for body in sent]
    assert told["id"].startswith("evt_")
    assert isinstance(told["created_at"], int)
    assert {key: told[key] for key in ("object", "type", "data")} == {
        "object": "event",
        "type": "fine_tuning.job.cancelled",
        "data": {"id": job},
    }
