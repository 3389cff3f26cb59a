"""Checkpoints as they are listed: of a job that has ended those alone that answer by their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.served import chat_lines, client_of
from tests.jobs.test_tuning import make, work_here

from tuneloop.errors import StoppedError
from tuneloop.jobs import stopping
from tuneloop.jobs.telling import JobLease
from tuneloop.store import Workspace, settings
from tuneloop.store.model_names import version_of


@pytest.fixture
def ws(tmp_path: Path, tiny_base: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as ws:
        settings.set_setting(ws, "bases", {"tiny": str(tiny_base)})
        yield ws


OURS = {"max_steps": 4, "train": {"general": "none", "checkpoint_seconds": 0}}


def listed(ws: Workspace, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client_of(ws).get(f"/v1/fine_tuning/jobs/{job}/checkpoints").json()["data"]
    return found


def test_a_cancelled_job_lists_no_checkpoint_that_cannot_be_asked(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make(ws, chat_lines(12), tuneloop=OURS)
    under_way: list[list[dict[str, Any]]] = []
    real = JobLease.commit_checkpoint

    def cancelled(self: JobLease, *given: Any) -> Path:
        place = real(self, *given)
        under_way.append(listed(ws, job.id))
        stopping.cancel(ws, job.id)
        return place

    monkeypatch.setattr(JobLease, "commit_checkpoint", cancelled)
    with pytest.raises(StoppedError):
        work_here(ws, job)
    assert [one["tuneloop"]["answers"] for one in under_way[0]] == [False]
    assert version_of(ws, under_way[0][0]["fine_tuned_model_checkpoint"]) is None
    assert listed(ws, job.id) == []


def test_a_finished_job_lists_checkpoints_that_answer(ws: Workspace) -> None:
    done = work_here(ws, make(ws, chat_lines(12), tuneloop=OURS))
    found = listed(ws, done.id)
    assert found
    for one in found:
        assert one["tuneloop"] == {"answers": True}
        assert version_of(ws, one["fine_tuned_model_checkpoint"]) is not None
    name = found[0]["fine_tuned_model_checkpoint"]
    assert client_of(ws).delete(f"/v1/models/{name}").status_code == 200
    assert listed(ws, done.id) == found[1:]
