"""`tuneloop files` and `tuneloop jobs`: the same files and jobs as over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.served import chat_lines, client_of, write

from tuneloop.app.cli.jobs import follow
from tuneloop.app.cli.main import main
from tuneloop.jobs import stopping
from tuneloop.runs.executors.local import LocalExecutor
from tuneloop.store import Workspace, jobs

BAD = {"messages": [{"role": "user", "content": "no answer"}]}


@pytest.fixture(autouse=True)
def no_processes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    started: list[str] = []
    monkeypatch.setattr(LocalExecutor, "start", lambda self, ws, run, *_: started.append(run))
    return started


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json", "-w", "w"]) == 0
    return json.loads(capsys.readouterr().out)


def test_files_are_added_shown_and_deleted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a.jsonl", [*chat_lines(10), BAD])
    made = document(capsys, "files", "add", str(file))
    assert (made["filename"], made["purpose"]) == ("a.jsonl", "fine-tune")
    assert main(["files", "show", made["id"], "-w", "w"]) == 0
    told = capsys.readouterr().out
    assert "11 examples (chat), 10 of them usable for supervised" in told
    assert 'Line 11, key "messages": At least one message must be from the assistant.' in told
    assert "The old tool would have trained on 8 rows and validated on 2" in told
    with Workspace.find("w") as ws:
        assert client_of(ws).get(f"/v1/files/{made['id']}").json() == made
    assert [one["id"] for one in document(capsys, "files")] == [made["id"]]
    assert document(capsys, "files", "delete", made["id"])["deleted"]
    assert main(["files", "show", made["id"], "-w", "w"]) == 1
    assert main(["files", "add", "nowhere.jsonl", "-w", "w"]) == 1
    assert main(["files", "ad", "a", "-w", "w"]) == 2


def test_a_job_is_made_listed_and_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_processes: list[str]
) -> None:
    file = write(tmp_path, "a.jsonl", [*chat_lines(10), BAD])
    assert main(["jobs", "create", str(file), "--detach", "-w", "w"]) == 1
    made = document(
        capsys, "jobs", "create", str(file), "--set-aside", "--detach", "--suffix", "svc",
        "--set", "hyperparameters.n_epochs=2", "--set", "tuneloop.max_steps=5",
    )  # fmt: skip
    assert no_processes == [made["tuneloop"]["run"]]
    assert made["method"]["supervised"]["hyperparameters"]["n_epochs"] == 2
    assert made["tuneloop"]["options"] == {"on_bad_rows": "set_aside", "max_steps": 5}
    assert document(capsys, "jobs", "pause", made["id"])["status"] == "paused"
    assert document(capsys, "jobs", "resume", made["id"])["status"] == "queued"
    assert document(capsys, "jobs", "show", made["id"])["status"] == "queued"
    assert document(capsys, "jobs", "cancel", made["id"])["status"] == "cancelled"
    assert [one["id"] for one in document(capsys, "jobs")] == [made["id"]]
    with Workspace.find("w") as ws:
        assert client_of(ws).get("/v1/fine_tuning/jobs").json()["data"][0]["id"] == made["id"]
    assert main(["jobs", "pause", made["id"], "-w", "w"]) == 1
    assert main(["jobs", "show", "ftjob-nobody", "-w", "w"]) == 1


def test_following_shows_all_events_and_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "a.jsonl", chat_lines(10))
    made = document(capsys, "jobs", "create", str(file), "--detach")

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow.time, "sleep", interrupted)
    assert main(["jobs", "follow", made["id"], "-w", "w"]) == 130
    stopped = capsys.readouterr()
    assert "Files validated, moving job to queued state" in stopped.out
    assert "Stream interrupted (client disconnected)." in stopped.err
    assert f"tuneloop jobs follow {made['id']}" in stopped.err

    def cancelled(_: float) -> None:
        with Workspace.find("w") as ws:
            stopping.cancel(ws, made["id"])

    monkeypatch.setattr(follow.time, "sleep", cancelled)
    assert main(["jobs", "follow", made["id"], "-w", "w"]) == 0
    told = capsys.readouterr().out
    with Workspace.find("w") as ws:
        for event in jobs.events_since(ws, made["id"], 0):
            assert event.message in told
