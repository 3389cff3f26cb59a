"""Two `tuneloop serve` on one real PostgreSQL and one workspace; and that database stopped and started again."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from sqlalchemy.exc import OperationalError
from tests.http.test_server import Served
from tests.postgres import Postgres, postgres

from tuneloop.runs import queue
from tuneloop.store import Workspace, database, files, jobs
from tuneloop.store.database import Database

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = [
    {"messages": [{"role": "user", "content": f"Whose is {n}?"}, {"role": "assistant", "content": f"{n} is Ann's."}]}
    for n in range(12)
]


@pytest.fixture
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture
def folder(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace's, made; its processes are ended when the test is over."""
    monkeypatch.setenv(database.VARIABLE, server.database("shared"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with Workspace.find(tmp_path / "w") as ws:
        assert not ws.db.local
    yield tmp_path / "w"
    for process in psutil.process_iter():
        if str(tmp_path / "w") in words(process):
            process.kill()


def words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[[], Served]]:
    made: list[Served] = []

    def start() -> Served:
        made.append(Served(folder, "--port", "0"))
        return made[-1]

    yield start
    for one in made:
        one.stop(signal.SIGKILL)


def upload(client: httpx2.Client, number: int = 0) -> httpx2.Response:
    rows = "\n".join(map(json.dumps, [*ROWS[number:], *ROWS[:number]]))
    return client.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("a.jsonl", rows)})


def asked(file: str, **more: Any) -> dict[str, Any]:
    return {"model": "starter", "training_file": file, "hyperparameters": {"n_epochs": 1}, **more}


def until(true: Callable[[], Any], seconds: float = 400.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "waited too long"
        time.sleep(0.2)


def status(client: httpx2.Client, job: str) -> str:
    return str(client.get(f"/v1/fine_tuning/jobs/{job}").json()["status"])


def test_two_servers_share_a_workspace_and_one_goes_on_alone(folder: Path, serve: Callable[[], Served]) -> None:
    one, two = serve(), serve()
    key = one.told["first"]["key"]
    assert two.told["first"] is None
    with one.client(key) as first, two.client(key) as second:
        # keys and people: made on one, good on the other, gone within a second
        made = first.post("/api/keys", json={"name": "ci"}).json()
        with two.client(made["secret"]) as other:
            assert other.get("/v1/models").status_code == 200
            assert first.delete(f"/api/keys/{made['id']}").status_code == 200
            time.sleep(1.1)
            assert other.get("/v1/models").status_code == 401

        # files: uploaded on one, read on the other
        file = upload(first).json()["id"]
        assert second.get(f"/v1/files/{file}/content").content == first.get(f"/v1/files/{file}/content").content
        assert [one["id"] for one in second.get("/v1/files").json()["data"]] == [file]

        # one request sent to both at once is one job
        def create(client: httpx2.Client) -> httpx2.Response:
            return client.post("/v1/fine_tuning/jobs", json=asked(file), headers={"idempotency-key": "once"})

        with ThreadPoolExecutor(2) as pool:
            twins = [answer.json()["id"] for answer in pool.map(create, (first, second))]
        assert twins[0] == twins[1]

        made_jobs = [twins[0]]
        for number, client in enumerate((second, first)):
            made_jobs.append(
                client.post("/v1/fine_tuning/jobs", json=asked(file, suffix=f"s{number}", seed=number)).json()["id"]
            )
        assert [job["id"] for job in second.get("/v1/fine_tuning/jobs").json()["data"]] == made_jobs[::-1]

        # one is killed while a job runs; the other goes on with all of them
        until(lambda: "running" in {status(second, job) for job in made_jobs})
        assert one.stop(signal.SIGKILL) == -signal.SIGKILL
        last = second.post("/v1/fine_tuning/jobs", json=asked(file, suffix="last")).json()["id"]
        cancelled = second.post(f"/v1/fine_tuning/jobs/{last}/cancel").json()
        assert cancelled["status"] == "cancelled"
        until(lambda: {status(second, job) for job in made_jobs} == {"succeeded"})
        names = {second.get(f"/v1/fine_tuning/jobs/{job}").json()["fine_tuned_model"] for job in made_jobs}
        assert names <= {model["id"] for model in second.get("/v1/models").json()["data"]}
        assert len(names) == len(made_jobs)

    with Workspace.find(folder) as ws:
        for identity in made_jobs:
            job = jobs.job(ws, identity)
            assert job.attempt == 1, "a second process took the run up"
            said = [event.message for event in jobs.events_since(ws, identity, 0)]
            assert len([text for text in said if text.startswith("Fine-tuning job started")]) == 1
            assert len([text for text in said if "successfully completed" in text]) == 1
            taken = [event for event in queue.events(ws, job.run) if event.kind == "started"]
            assert len(taken) == 1


def test_a_database_that_is_away_for_ten_seconds_loses_nothing(
    folder: Path, server: Postgres, serve: Callable[[], Served]
) -> None:
    served = serve()
    with served.client(served.told["first"]["key"]) as client:
        file = upload(client).json()["id"]
        job = client.post("/v1/fine_tuning/jobs", json=asked(file, hyperparameters={"n_epochs": 25})).json()["id"]
        until(lambda: status(client, job) == "running")
        with ThreadPoolExecutor(12) as pool:  # several connections are open when the database goes
            assert {one.status_code for one in pool.map(lambda _: client.get("/v1/models"), range(40))} == {200}

        server.stop()
        gone, seen = time.monotonic(), 0
        while time.monotonic() < gone + 10:
            time.sleep(0.5)
            for answer in (
                client.get("/v1/models"), client.get(f"/v1/fine_tuning/jobs/{job}"), upload(client, 1),
                client.post("/v1/fine_tuning/jobs", json=asked(file, suffix="away")), client.get("/readyz"),
            ):  # fmt: skip
                assert answer.status_code == 503, answer.text
                assert answer.json()["error"]["code"] in ("database_unavailable", "not_ready")
                assert answer.headers["retry-after"] == "1"
                seen += 1
            assert client.get("/healthz").status_code == 200
        assert seen >= 5
        server.start()

        with ThreadPoolExecutor(12) as pool:  # no connection of before the restart makes an error
            answers = list(pool.map(lambda _: client.get(f"/v1/fine_tuning/jobs/{job}"), range(40)))
        assert {answer.status_code for answer in answers} == {200}, [one.text for one in answers]
        assert client.get("/readyz").status_code == 200
        assert upload(client, 2).status_code == 200
        until(lambda: status(client, job) not in ("queued", "running", "validating_files"))
        told = client.get(f"/v1/fine_tuning/jobs/{job}").json()
        assert told["status"] == "succeeded", told["error"]
    with Workspace.find(folder) as ws:
        assert len([one for one in files.files(ws)[0] if one.purpose == "fine-tune"]) == 2  # none of those refused
        assert len(jobs.jobs(ws)[0]) == 1


def test_what_postgresql_cannot_hold_is_the_clients_mistake(serve: Callable[[], Served]) -> None:
    served = serve()
    with served.client(served.told["first"]["key"]) as client:
        for path in ("/v1/files/a%00b", "/v1/fine_tuning/jobs/a%00b", "/v1/models/a%00b", "/v1/files?after=a%00b"):
            assert client.get(path).status_code in (400, 404), path
        for body in (asked("file-\0"), asked("file-x", suffix="\0"), asked("x", model="\0"), {"model": "\0"}):
            answer = client.post("/v1/fine_tuning/jobs", json=body)
            assert answer.status_code in (400, 404), answer.text
        assert client.post("/api/keys", json={"name": "a\0b"}).status_code == 400
        assert client.post("/api/exchanges/x/feedback", json={"kind": "thumb", "value": "\0"}).status_code in (400, 404)


def test_a_database_that_takes_connections_and_says_nothing_is_not_waited_for_long() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = Database(f"postgresql+psycopg://u@127.0.0.1:{silent.getsockname()[1]}/x")
        began = time.monotonic()
        with pytest.raises(OperationalError, match="timeout"), mute.read():
            pass
        assert time.monotonic() - began < 20
