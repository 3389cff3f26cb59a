"""Misfortune that no other file shows: names unknown everywhere, a base that leaves or has no memory left while it
answers, uploads cut off by their connection, a full disk under the database, a clock that goes back."""

from __future__ import annotations

import json
import os
import resource
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event
from tests.evaluate.world import add_tuned, add_version, chat, learn
from tests.http.serving import Running, running
from tests.jobs.served import chat_lines, client_of, jsonl, served, write

from tuneloop.app.http.answers import Answers
from tuneloop.app.http.service import Service
from tuneloop.jobs import stopping
from tuneloop.prepare import prepare
from tuneloop.serve.exchanges import ExchangeLog, exchanges
from tuneloop.store import Workspace, files, uploads

GRADER = {"type": "score_model", "name": "g", "model": "gpt-9", "input": [{"role": "user", "content": "Rate"}]}
Q: list[Any] = [{"role": "user", "content": "谁喂它？"}]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return client_of(ws)


def upload(client: TestClient, count: int = 12) -> str:
    file = ("t.jsonl", jsonl(chat_lines(count)))
    return str(client.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": file}).json()["id"])


def test_an_unknown_model_is_404_wherever_it_is_named(client: TestClient) -> None:
    file = upload(client)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("chat/completions", {"model": "gpt-9", "messages": Q}),
        ("chat/completions", {"model": "gpt-9", "messages": Q, "stream": True}),
        ("completions", {"model": "gpt-9", "prompt": "a"}),
        ("embeddings", {"model": "gpt-9", "input": "a"}),
        ("fine_tuning/jobs", {"model": "gpt-9", "training_file": file}),
        ("fine_tuning/jobs", {"model": "ft:gpt-9:local::abcdefgh", "training_file": file}),
        ("fine_tuning/alpha/graders/run", {"grader": GRADER, "model_sample": "a"}),
    ]
    answers = [client.post(f"/v1/{path}", json=body) for path, body in asked]
    answers += [client.get("/v1/models/gpt-9"), client.delete("/v1/models/ft:gpt-9:local::abcdefgh")]
    for answer in answers:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "model_not_found"), answer.text
        assert error["param"] in ("model", "grader.model")
        assert "does not exist" in error["message"]
    assert client.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_what_was_never_left_out_cannot_be_taken_back_and_the_list_is_named(ws: Workspace, client: TestClient) -> None:
    data = prepare([write(ws.folder, "t.jsonl", chat_lines(12))], workspace=ws)
    answer = client.post(f"/api/versions/{data.name}/restores", json={"items": [["source-1", 99]], "note": ""})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "not_found")
    assert f"tuneloop restore {data.name}, or GET /api/versions/{data.name}/outcomes" in error["message"]
    assert client.get(f"/api/versions/{data.name}/outcomes").status_code == 200


@pytest.mark.parametrize(
    ("more", "param", "expected"),
    [
        ({"hyperparameters": {"n_epochs": True}}, "hyperparameters.n_epochs", "expected a number, not true or false"),
        ({"hyperparameters": {"n_epochs": 2.5}}, "hyperparameters.n_epochs", "expected 'auto' or a whole number"),
        ({"hyperparameters": {"learning_rate_multiplier": "x"}}, "hyperparameters.learning_rate_multiplier", "number"),
        ({"method": "dpo"}, "method", "expected keys with values"),
        ({"tuneloop": {"train": {"tuner": 3}}}, "tuneloop.train.tuner", "expected a text or keys with values"),
        ({"tuneloop": {"prepare": {"split": 3}}}, "tuneloop.prepare.split", "expected a text or keys"),
        ({"tuneloop": {"max_steps": 3, "train": {"max_steps": 5}}}, "tuneloop.train.max_steps", "tuneloop.max_steps"),
    ],
)
def test_a_job_is_refused_by_the_dotted_path(
    client: TestClient, more: dict[str, Any], param: str, expected: str
) -> None:
    body = {"model": "starter", "training_file": upload(client), **more}
    answer = client.post("/v1/fine_tuning/jobs", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert expected in error["message"]
    assert client.get("/v1/fine_tuning/jobs").json()["data"] == []


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Iterator[tuple[Running, str]]:
    """A server whose one version knows a few facts, on an engine in its own process."""
    folder = tmp_path_factory.mktemp("tuned")
    facts = [chat("谁喂它？", "奶奶" * 30), chat("Where is the key?", "under the pot")]
    with Workspace.find(folder / "w") as ws:
        data = add_version(ws, [(record, "train") for record in facts])
        made = add_tuned(ws, tiny_base, learn(folder / "learned", tiny_base, "adapter", facts), data)
        parts = {"answers": Answers(ws), "exchanges": ExchangeLog(ws)}
        with running(Service(ws, parts)) as server:
            yield server, made.name


def hurt(server: Running, model: str, how: Callable[[int], object], **asked: Any) -> tuple[list[str], Any]:
    """Ask for an answer as a stream, hurt its engine after the third piece: the pieces, and the error that ended it."""
    client, pieces = server.client(), list[str]()

    def listen() -> None:
        for chunk in client.chat.completions.create(model=model, messages=Q, stream=True, temperature=0, **asked):
            pieces.append(chunk.choices[0].delta.content or "")
            if len(pieces) == 3:
                (host,) = server.answers.hosts.loaded
                how(host.backend.pid)  # type: ignore[attr-defined]

    with pytest.raises(openai.APIError) as told:
        listen()
    return pieces, told.value


@pytest.mark.slow
def test_a_base_that_leaves_while_it_answers_is_told_and_comes_again(tuned: tuple[Running, str]) -> None:
    server, model = tuned
    whole = server.client().chat.completions.create(model=model, messages=Q, temperature=0).choices[0].message.content
    assert whole is not None
    assert len(whole) > 20
    (host,) = server.answers.hosts.loaded
    pieces, error = hurt(server, model, lambda _: server.on_loop(server.answers.hosts.unload(host.key)))
    assert (error.code, error.type) == ("engine_stopped", "server_error")
    assert whole.startswith("".join(pieces))
    assert exchanges(server.service.ws)[0].outcome == "failed"
    # who asks while it leaves waits for the next loading
    asking = [threading.Thread(target=lambda: server.on_loop(server.answers.hosts.unload(host.key)))]
    found: list[str | None] = []

    def ask() -> None:
        try:
            answer = server.client().chat.completions.create(model=model, messages=Q, temperature=0)
        except openai.InternalServerError as error:
            found.append(error.code)
        else:
            found.append(answer.choices[0].message.content)

    asking += [threading.Thread(target=ask) for _ in range(3)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(120)
    # each is answered whole, or told to ask again
    assert len(found) == 3
    assert set(found) <= {whole, "engine_stopped"}
    again = server.client().chat.completions.create(model=model, messages=Q, temperature=0)
    assert again.choices[0].message.content == whole


@pytest.mark.slow
def test_an_engine_out_of_memory_fails_what_it_was_doing_and_nothing_else(tuned: tuple[Running, str]) -> None:
    """The process may map not one page more: its next allocation fails as on a machine without memory."""
    server, model = tuned
    client = server.client()
    whole = client.chat.completions.create(model=model, messages=Q, temperature=0).choices[0].message.content

    def starve(pid: int) -> None:
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.prlimit(pid, resource.RLIMIT_AS, (used, used))

    (host,) = server.answers.hosts.loaded
    starve(host.backend.pid)  # type: ignore[attr-defined]

    def demand() -> None:
        for number in range(20):
            client.embeddings.create(model=model, input=[f"{n} " * 70 for n in range(number * 20)] or "a")
            client.chat.completions.create(model=model, messages=Q, n=100, temperature=1, max_tokens=100)

    with pytest.raises(openai.InternalServerError) as told:
        demand()
    assert (told.value.status_code, told.value.code) == (503, "engine_stopped")
    assert told.value.response.headers["retry-after"] == "1"
    assert client.get("/models", cast_to=object) is not None  # the API process goes on
    again = client.chat.completions.create(model=model, messages=Q, temperature=0)
    assert again.choices[0].message.content == whole


def test_an_upload_whose_connection_breaks_leaves_nothing(ws: Workspace) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + b"x" * 200_000
    with served(ws) as address:
        host, port = address.removeprefix("http://").split(":")
        for path in ("/v1/files", f"/v1/uploads/{pending(ws)}/parts"):
            sent = body.replace(b'name="file"', b'name="data"') if path.endswith("parts") else body
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                head = [
                    f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: multipart/form-data; boundary=b",
                    f"Content-Length: {len(sent) + 1000}",
                ]  # fmt: skip
                connection.sendall("\r\n".join([*head, "", ""]).encode() + sent)
                until = time.monotonic() + 20
                while not left(ws) and time.monotonic() < until:
                    time.sleep(0.02)
                assert left(ws), "the bytes go to the disk as they come"
            while left(ws) and time.monotonic() < until:
                time.sleep(0.02)
            assert not left(ws)
        assert httpx2.get(f"{address}/v1/files").json()["data"] == []


def pending(ws: Workspace) -> str:
    made = uploads.add_upload(
        ws, filename="a", purpose="user_data", size=10**6, options={}, expires_after=None, owner=""
    )  # fmt: skip
    return made.id


def left(ws: Workspace) -> list[Path]:
    folder = ws.folder / uploads.FOLDER
    return [*(ws.folder / "blobs").glob(".part-*"), *(path for path in folder.rglob("*") if path.is_file())]


def test_a_full_disk_under_the_database_is_507_and_what_was_told_stays(ws: Workspace) -> None:
    """SQLite may make its file not one page larger, which it tells as a disk that is full."""
    client = client_of(ws)
    kept = upload(client)

    @event.listens_for(ws.db.engine, "begin")
    def full(connection: Any) -> None:
        driver = connection.connection.dbapi_connection
        (pages,) = driver.execute("PRAGMA page_count").fetchone()
        driver.execute(f"PRAGMA max_page_count={pages}")

    told: list[Any] = []
    for number in range(200):
        body = {"model": "starter", "training_file": kept, "suffix": f"s{number}", "metadata": {"a": "x" * 500}}
        told.append(client.post("/v1/fine_tuning/jobs", json=body))
        if told[-1].status_code != 200:
            break
    assert (told[-1].status_code, told[-1].json()["error"]["code"]) == (507, "storage")
    assert "full" in told[-1].json()["error"]["message"]
    listed = {one["id"] for one in client.get("/v1/fine_tuning/jobs?limit=1000").json()["data"]}
    assert listed == {one.json()["id"] for one in told[:-1]}
    event.remove(ws.db.engine, "begin", full)
    ws.db.engine.dispose()
    assert client.post("/v1/fine_tuning/jobs", json={"model": "starter", "training_file": kept}).status_code == 200


class Clock:
    """The database's clock, which can be set: SQLite's own function of time, replaced on each connection."""

    def __init__(self, ws: Workspace) -> None:
        self.shift = 0.0
        ws.db.engine.dispose()

        @event.listens_for(ws.db.engine, "connect")
        def replace(connection: Any, _: Any) -> None:
            driver: sqlite3.Connection = connection
            driver.create_function("julianday", 1, lambda _: (time.time() + self.shift) / 86_400 + 2_440_587.5)


def test_a_clock_that_goes_back_loses_no_order_and_no_event(ws: Workspace) -> None:
    clock = Clock(ws)
    client = client_of(ws)
    made, kept = [], []
    for number in range(6):
        clock.shift = -1000.0 * number
        kept.append(upload(client))
        body = {"model": "starter", "training_file": kept[-1], "suffix": f"s{number}"}
        made.append(client.post("/v1/fine_tuning/jobs", json=body).json()["id"])
        assert client.post(
            "/v1/fine_tuning/jobs", json=body, headers={"x-stainless-retry-count": "1"}
        ).json()["id"] == made[-1]  # fmt: skip
    created = [client.get(f"/v1/fine_tuning/jobs/{one}").json()["created_at"] for one in made]
    assert created == sorted(created, reverse=True)
    assert created[0] > created[-1] + 4000
    for path, wanted in (("/v1/fine_tuning/jobs", made), ("/v1/files", kept)):
        seen: list[str] = []
        while True:
            after = f"&after={seen[-1]}" if seen else ""
            page = client.get(f"{path}?limit=2{after}").json()
            seen += [one["id"] for one in page["data"]]
            if not page["has_more"]:
                break
        assert seen == wanted[::-1]
    clock.shift = -50_000
    stopping.cancel(ws, made[0])
    stream = client.get(f"/v1/fine_tuning/jobs/{made[0]}/events?stream=true").text
    told = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    listed = client.get(f"/v1/fine_tuning/jobs/{made[0]}/events").json()["data"]
    assert told == listed[::-1]
    assert told[-1]["message"] == "Fine-tuning job cancelled"
    upload_id = pending(ws)
    clock.shift = -90_000
    assert uploads.upload(ws, upload_id).status == "pending"
    assert len(files.files(ws)[0]) == 6
