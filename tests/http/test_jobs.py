"""Fine-tuning jobs by the official client: made once, told word by word, stopped and resumed, read by a cut stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from fastapi.testclient import TestClient
from openai.types.fine_tuning import FineTuningJobEvent
from sqlalchemy import select
from tests.jobs.served import chat_line, chat_lines, client_of, jsonl, openai_client, served

from tuneloop.app.http.openai import streaming
from tuneloop.runs import queue
from tuneloop.store import Workspace, jobs
from tuneloop.store.jobs_tables import jobs as table

GRADER = {"type": "string_check", "name": "g", "input": "{{sample.output_text}}", "reference": "x", "operation": "eq"}
REASONING = {
    "method": {
        "type": "reinforcement",
        "reinforcement": {"grader": GRADER, "hyperparameters": {"reasoning_effort": "low"}},
    }
}
BAD = {"messages": [{"role": "user", "content": "no answer"}]}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


@pytest.fixture
def client(ws: Workspace) -> TestClient:
    return client_of(ws)


def upload(client: TestClient, rows: list[dict[str, Any]], **fields: str) -> str:
    data = {"purpose": "fine-tune", **fields}
    answer = client.post("/v1/files", data=data, files={"file": ("train.jsonl", jsonl(rows))})
    return str(answer.json()["id"])


def create(client: TestClient, file: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    return client.post(
        "/v1/fine_tuning/jobs", json={"model": "starter", "training_file": file, **more}, headers=headers
    )


def test_a_new_job_as_the_official_client_sees_it(ws: Workspace) -> None:
    with served(ws) as address, openai_client(address) as client:
        file = client.files.create(file=("train.jsonl", jsonl(chat_lines())), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(
            model="starter", training_file=file, suffix="svc", seed=7, metadata={"team": "a", "猫": "狗"}
        )
        assert job.status == "validating_files"
        assert (job.object, job.organization_id, job.seed, job.metadata) == (
            "fine_tuning.job",
            "org-local",
            7,
            {"team": "a", "猫": "狗"},
        )
        assert job.method is not None
        assert job.method.supervised is not None
        assert job.hyperparameters.n_epochs == "auto"
        assert job.to_dict()["user_provided_suffix"] == "svc"
        again = client.fine_tuning.jobs.retrieve(job.id)
        assert (again.status, again.error, again.result_files, again.finished_at) == ("queued", None, [], None)
        messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=1)][::-1]
        assert messages == [
            f"Created fine-tuning job: {job.id}",
            f"Validating training file: {file}",
            "Files validated, moving job to queued state",
        ]
        assert list(client.fine_tuning.jobs.checkpoints.list(job.id)) == []
        with pytest.raises(openai.ConflictError) as held:
            client.files.delete(file)
        assert held.value.response.headers["x-should-retry"] == "false"
        assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
        assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
        with pytest.raises(openai.BadRequestError, match=f"Job has already completed: {job.id}") as ended:
            client.fine_tuning.jobs.pause(job.id)
        assert ended.value.code == "job_not_cancellable"
        assert client.files.delete(file).deleted
        with pytest.raises(openai.NotFoundError, match="Could not find fine tune: ftjob-nobody") as unknown:
            client.fine_tuning.jobs.retrieve("ftjob-nobody")
        assert (unknown.value.code, unknown.value.param) == ("fine_tune_not_found", "fine_tune_id")
        assert [queue.show(ws, run.id).state for run in queue.list(ws)] == ["cancelled"]


def test_pages_of_jobs_of_one_second_hold_each_once(ws: Workspace) -> None:
    with served(ws) as address, openai_client(address) as client:
        file = client.files.create(file=("train.jsonl", jsonl(chat_lines())), purpose="fine-tune").id
        made = [
            client.fine_tuning.jobs.create(
                model="starter", training_file=file, metadata={"n": str(n % 2)} if n else None
            )
            for n in range(5)
        ]
        ids = [job.id for job in made][::-1]
        assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == ids
        assert [job.id for job in client.fine_tuning.jobs.list(metadata={"n": "0"})] == [ids[0], ids[2]]
        without = client.fine_tuning.jobs.list(extra_query={"metadata": "null"})
        assert [job.id for job in without] == [ids[4]]
        with pytest.raises(openai.BadRequestError):
            client.fine_tuning.jobs.list(after="ftjob-nobody")


def test_a_create_whose_answer_is_lost_makes_one_job(ws: Workspace) -> None:
    class LosesTheFirst(httpx2.HTTPTransport):
        """Sends the request on, and answers 500 in the server's place."""

        lost = False

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = super().handle_request(request)
            if request.url.path.endswith("/jobs") and not self.lost:
                self.lost = True
                answer.read()
                return httpx2.Response(
                    500, json={"error": {"message": "lost", "type": "", "param": None, "code": None}}
                )
            return answer

    http = httpx2.Client(transport=LosesTheFirst())
    with served(ws) as address, openai_client(address, http_client=http, max_retries=2) as client:
        file = client.files.create(file=("train.jsonl", jsonl(chat_lines())), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(model="starter", training_file=file)
        assert [one.id for one in client.fine_tuning.jobs.list()] == [job.id]
        assert client.fine_tuning.jobs.create(model="starter", training_file=file).id != job.id


def test_an_idempotency_key_makes_one_job(client: TestClient) -> None:
    file = upload(client, chat_lines())
    first = create(client, file, {"Idempotency-Key": "k"}).json()["id"]
    assert create(client, file, {"Idempotency-Key": "k"}).json()["id"] == first
    other = create(client, file, {"Idempotency-Key": "k"}, suffix="x")
    assert (other.status_code, other.headers["x-should-retry"]) == (409, "false")


def test_an_unknown_field_is_told_with_the_nearest_known_one(client: TestClient) -> None:
    file = upload(client, chat_lines())
    for more, param, near in (
        ({"sufix": "x"}, "sufix", "suffix"),
        ({"hyperparameters": {"n_epoch": 3}}, "hyperparameters.n_epoch", "n_epochs"),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"betta": 1}}}},
            "method.dpo.hyperparameters.betta",
            "beta",
        ),
        ({"tuneloop": {"max_step": 3}}, "tuneloop.max_step", "max_steps"),
        ({"tuneloop": {"train": {"epoch": 3}}}, "tuneloop.train.epoch", "epochs"),
    ):
        told = create(client, file, **more).json()["error"]
        assert (told["code"], told["param"]) == ("unknown_parameter", param)
        assert f"Did you mean {near!r}?" in told["message"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"model": "gpt-9"}, "model"),
        ({"model": "/etc"}, "model"),
        ({"training_file": "file-nobody"}, "training_file"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"colour": "red"}, "colour"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": "many"}}, "hyperparameters.batch_size"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}}, "method.dpo.hyperparameters.beta"),
        ({"method": {"type": "reinforcement"}}, "method.reinforcement.grader"),
        (REASONING, "method.reinforcement.hyperparameters.reasoning_effort"),
        ({"method": {"type": "dpo", "supervised": {}}}, "method.supervised"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, "integrations"),
        ({"tuneloop": {"train": {"replay_data": "/etc/passwd"}}}, "tuneloop.train.replay_data"),
        ({"tuneloop": {"prepare": {"steps": ["nothing"]}}}, "tuneloop.prepare.steps.0"),
        ({"tuneloop": {"lora": {"rank": -1}}}, "tuneloop.lora.rank"),
    ],
)
def test_a_wrong_request_is_refused_with_the_path(client: TestClient, more: dict[str, Any], param: str) -> None:
    file = upload(client, chat_lines())
    answer = create(client, file, **more)
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["error"]["param"] == param, answer.text
    assert client.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_unusable_rows_are_refused_or_set_aside(client: TestClient) -> None:
    file = upload(client, [*chat_lines(9), BAD])
    refused = create(client, file)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_training_file", "training_file")
    assert 'Line 10, key "messages": At least one message must be from the assistant.' in error["message"]
    taken = create(client, file, tuneloop={"on_bad_rows": "set_aside"}).json()
    events = client.get(f"/v1/fine_tuning/jobs/{taken['id']}/events").json()["data"]
    (warning,) = [event for event in events if event["level"] == "warn"]
    assert warning["data"]["tuneloop"]["set_aside"] == 1
    kept = upload(client, [*chat_lines(9), BAD], **{"tuneloop[on_bad_rows]": "set_aside"})
    assert create(client, kept).status_code == 200


def test_files_that_do_not_serve_fail_the_job(client: TestClient) -> None:
    few = upload(client, chat_lines(3))
    asked = upload(client, [chat_line("a", "b")] * 10)
    cases = [
        (
            create(client, few),
            "invalid_n_examples",
            "Training file has 3 example(s), but must have at least 10 examples",
        ),
        (
            create(client, asked, method={"type": "dpo"}),
            "invalid_file_format",
            f"Input file {asked} is in the fine-tune-chat format, but the specified fine-tuning job is not using"
            " 'supervised' as the training method (provided method=dpo).",
        ),
    ]
    for made, code, message in cases:
        job = client.get(f"/v1/fine_tuning/jobs/{made.json()['id']}").json()
        assert job["status"] == "failed"
        assert job["error"] == {"code": code, "message": message, "param": "training_file"}
        last = client.get(f"/v1/fine_tuning/jobs/{job['id']}/events?limit=1").json()["data"][0]
        assert (last["level"], last["message"]) == ("error", message)
        assert last["data"] == {"error_code": code, "error_param": "training_file"}


def test_a_queued_job_pauses_and_resumes(client: TestClient, ws: Workspace) -> None:
    job = create(client, upload(client, chat_lines())).json()["id"]
    path = f"/v1/fine_tuning/jobs/{job}"
    assert client.post(f"{path}/pause").json()["status"] == "paused"
    assert client.post(f"{path}/pause").json()["status"] == "paused"
    assert client.post(f"{path}/resume").json()["status"] == "queued"
    assert client.post(f"{path}/resume").json()["status"] == "queued"


def test_a_run_that_is_cancelled_by_itself_ends_its_job(client: TestClient, ws: Workspace) -> None:
    job = create(client, upload(client, chat_lines())).json()["id"]
    queue.cancel(ws, jobs.job(ws, job).run)
    lines = client.get(f"/v1/fine_tuning/jobs/{job}/events?stream=true").text
    assert lines.endswith("data: [DONE]\n\n")
    assert client.get(f"/v1/fine_tuning/jobs/{job}").json()["status"] == "cancelled"


def test_the_official_client_reads_the_stream(ws: Workspace) -> None:
    with served(ws) as address, openai_client(address) as client:
        file = client.files.create(file=("train.jsonl", jsonl(chat_lines())), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(model="starter", training_file=file).id
        client.fine_tuning.jobs.cancel(job)
        got = client.get(
            f"/fine_tuning/jobs/{job}/events?stream=true",
            cast_to=FineTuningJobEvent,
            stream=True,
            stream_cls=openai.Stream[FineTuningJobEvent],
        )
        assert [event.id for event in got] == [event.id for event in client.fine_tuning.jobs.list_events(job)][::-1]


def test_the_official_client_bears_silence_in_the_stream(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come behind an event with an id: no block of their own, which it would take for an event."""
    monkeypatch.setattr(streaming, "KEEP_ALIVE", 0.1)
    monkeypatch.setattr(streaming, "WAKE", 0.05)
    with served(ws) as address, openai_client(address) as client:
        file = client.files.create(file=("train.jsonl", jsonl(chat_lines())), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(model="starter", training_file=file).id
        got = client.get(
            f"/fine_tuning/jobs/{job}/events?stream=true",
            cast_to=FineTuningJobEvent,
            stream=True,
            stream_cls=openai.Stream[FineTuningJobEvent],
        )
        first = next(iter(got))
        threading.Timer(1.0, lambda: client.fine_tuning.jobs.cancel(job)).start()
        told = [first, *got]
        assert [event.id for event in told] == [event.id for event in client.fine_tuning.jobs.list_events(job)][::-1]


def test_a_stream_cut_at_any_byte_goes_on_without_gap_or_repeat(client: TestClient, ws: Workspace) -> None:
    job = create(client, upload(client, chat_lines())).json()["id"]
    with ws.db.write() as connection:
        for number in range(20):
            jobs.tell(connection, job, f"事件 {number}", data={"n": number})
    client.post(f"/v1/fine_tuning/jobs/{job}/cancel")
    path = f"/v1/fine_tuning/jobs/{job}/events?stream=true"
    whole = client.get(path)
    assert whole.headers["content-type"].startswith("text/event-stream")
    assert whole.text.startswith("retry: 3000\nid: ftevent-")
    listed = client.get(f"/v1/fine_tuning/jobs/{job}/events?limit=1000").json()["data"][::-1]
    ids = [event["id"] for event in listed]
    for cut in range(0, len(whole.content), 97):
        seen = read_ids(whole.content[:cut])
        headers = {"Last-Event-ID": seen[-1]} if seen else {}
        assert seen + read_ids(client.get(path, headers=headers).content) == ids
        if seen:
            assert seen + read_ids(client.get(f"{path}&after={seen[-1]}").content) == ids
    assert client.get(path, headers={"Last-Event-ID": "ftevent-other-000001"}).status_code == 400


def read_ids(data: bytes) -> list[str]:
    """The ids of the blocks that came whole, as a reader of event streams takes them."""
    blocks = data.split(b"\n\n")[:-1]
    lines = [line for block in blocks for line in block.split(b"\n") if line.startswith(b"id: ")]
    return [line[4:].decode() for line in lines]


def test_pages_of_events(client: TestClient) -> None:
    job = create(client, upload(client, chat_lines())).json()["id"]
    path = f"/v1/fine_tuning/jobs/{job}/events"
    first = client.get(f"{path}?limit=2").json()
    assert first["has_more"]
    rest = client.get(f"{path}?limit=2&after={first['data'][-1]['id']}").json()
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    assert client.get(f"{path}?after=ftevent-x-1").status_code == 400


def test_checkpoint_permissions_are_refused_by_name(client: TestClient) -> None:
    answer = client.get("/v1/fine_tuning/checkpoints/ft:a/b:org::x:ckpt-step-1/permissions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_parameter")


def test_two_creates_at_once_with_one_key(ws: Workspace) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with served(ws) as address, openai_client(address) as client:
        file = client.files.create(file=("train.jsonl", jsonl(chat_lines())), purpose="fine-tune").id

        def make(_: int) -> str:
            key = {"Idempotency-Key": "one"}
            return client.fine_tuning.jobs.create(model="starter", training_file=file, extra_headers=key).id

        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(make, range(6)))) == 1
    with ws.db.read() as connection:
        assert len(connection.execute(select(table.c.id)).all()) == 1
