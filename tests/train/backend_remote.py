"""A backend that is a provider: it takes the records, works elsewhere, and keeps the weights."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tuneloop.errors import StoppedError, TuneloopError
from tuneloop.records import Watcher
from tuneloop.runs import Lease
from tuneloop.store.durable import write_file
from tuneloop.train.backend import Backend, Job, Trained
from tuneloop.train.recipe import Resolved
from tuneloop.wording import Words


class Provider:
    """What stands at the other end of the line in the test: jobs that finish after some polls."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.broken = ""

    def create(self, rows: list[dict[str, Any]]) -> str:
        name = f"job-{len(self.jobs) + 1}"
        self.jobs[name] = {"rows": rows, "polls": 0, "cancelled": False}
        return name

    def poll(self, name: str) -> tuple[str, float]:
        if self.broken:
            raise ConnectionError(self.broken)
        job = self.jobs[name]
        job["polls"] += 1
        return ("done" if job["polls"] >= 3 else "running"), 2.0 / job["polls"]


PROVIDER = Provider()


class Remote(Backend):
    title: ClassVar[Words] = Words("a provider", "云端服务商")
    help: ClassVar[Words] = Words("Tuned elsewhere.", "在云端微调。")

    def preview(self, job: Job) -> Resolved:
        return Resolved(job.recipe, dict.fromkeys(type(job.recipe).model_fields, "default"))

    def run(self, job: Job, lease: Lease, progress: Watcher) -> Trained:
        from tuneloop.train import data

        kept = lease.folder / "remote.json"
        if not kept.is_file():  # a later attempt waits for the job that an earlier one made
            rows = [item.record.payload() for item in data.items(job.workspace, job.version, "train")]
            lease.folder.mkdir(parents=True, exist_ok=True)
            write_file(kept, json.dumps({"job": PROVIDER.create(rows)}).encode())
        name = json.loads(kept.read_text())["job"]
        state, polls = "running", 0
        while state == "running":
            if how := lease.should_stop():
                PROVIDER.jobs[name]["cancelled"] = how == "cancel"
                (lease.cancel if how == "cancel" else lease.pause)()
                raise StoppedError(f"{lease.run} stopped")
            try:
                state, loss = PROVIDER.poll(name)
            except ConnectionError as error:
                raise TuneloopError(f"the provider does not answer ({error})", do="Resume the run later") from error
            polls += 1
            lease.metric(polls, loss=loss)
        folder = job.workspace.path("models") / lease.run
        folder.mkdir(parents=True)
        (folder / "remote.json").write_text(json.dumps({"provider": "test", "model": f"ft:{name}"}))
        resolved = self.preview(job)
        return Trained(folder, "remote", "big-model", "sft", "provider", resolved, {"loss": loss})
