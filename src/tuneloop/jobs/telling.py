"""What a run's work notes, told as events of its job in the words of the protocol.

The lease of the run is wrapped: each point of the curves becomes a `Step i/n` event in the same transaction, so that
the two never disagree.  A step that is done again after a crash is told once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection

from tuneloop.runs import Lease
from tuneloop.runs.checkpoints import Checkpoint
from tuneloop.runs.lease import Point
from tuneloop.store import jobs as rows

STARTED = "Fine-tuning job started"
NAMES = {
    "train_loss": "loss",
    "train_mean_token_accuracy": "token_accuracy",
    "valid_loss": "validation_loss",
    "valid_mean_token_accuracy": "validation_token_accuracy",
}
"""The protocol's figures and the curves that hold them."""


class JobLease(Lease):
    """The lease of a job's run; `resolved` is called with the recipe once it has no gaps, inside a transaction, and
    `trained` when the last step is done, before the model is visible."""

    keeps_models: ClassVar[bool] = True

    def __init__(
        self,
        whole: Lease,
        job: str,
        resolved: Callable[[Connection, Mapping[str, Any]], None],
        trained: Callable[[JobLease], None],
    ) -> None:
        # The lease's own __init__ starts the thread that renews it; the whole has one.
        self.whole, self.job, self._resolved, self._trained = whole, job, resolved, trained
        self.ws, self.run, self.attempt = whole.ws, whole.run, whole.attempt
        self.kind, self.spec, self.seconds, self.watch = whole.kind, whole.spec, whole.seconds, whole.watch

    def started(self) -> None:
        """Tell the beginning, once."""
        with self.ws.db.write() as connection:
            self.fence(connection)
            row = rows.locked(connection, self.job)
            if row["told_step"] < 0 and row["outcome"] is None:
                rows.tell(connection, self.job, STARTED)
                rows.change(connection, self.job, told_step=0)

    def event(self, kind: str, /, **data: Any) -> int:
        number = self.whole.event(kind, **data)
        if kind == "resolved":
            with self.ws.db.write() as connection:
                self.fence(connection)
                rows.locked(connection, self.job)
                rows.change(connection, self.job, total_steps=data["steps"])
                self._resolved(connection, data["train"])
        elif kind == "advice" and isinstance(data.get("text"), Mapping):
            self.say(data["text"]["en"], level="warn", topic=data.get("topic"), text=dict(data["text"]))
        elif kind == "worst_batch":
            self._worst(data)
        elif kind == "trained":
            self._trained(self)
        return number

    def _worst(self, data: Mapping[str, Any]) -> None:
        """A step that is done again after a crash is told once, as its figures are."""
        with self.ws.db.read() as connection:
            told = rows.in_transaction(connection, self.job).told_step
        if data["step"] > told:
            message = f"Step {data['step']}: training loss={data['loss']:.2f} stands out; usual is {data['usual']:.2f}"
            self.say(message, level="warn", **data)

    def say(self, message: str, *, level: rows.Level = "info", **ours: Any) -> None:
        """An event of the job while it lives; `ours` goes into `data.tuneloop`."""
        with self.ws.db.write() as connection:
            self.fence(connection)
            if rows.locked(connection, self.job)["outcome"] is None:
                rows.tell(connection, self.job, message, level=level, data={"tuneloop": ours} if ours else {})

    def metrics(self, points: Mapping[int, Mapping[str, float]]) -> None:
        with self.ws.db.write() as connection:
            self.whole.add_points(connection, points)
            row = rows.locked(connection, self.job)
            if row["outcome"] is not None:
                return
            told = row["told_step"]
            for step in sorted(one for one in points if one > told):
                self._tell_step(connection, step, row["total_steps"], points[step])
                told = step
            rows.change(connection, self.job, told_step=told)

    def _tell_step(self, connection: Connection, step: int, total: int | None, values: Mapping[str, float]) -> None:
        data: dict[str, Any] = {"step": step, "total_steps": total}
        data |= {name: _finite(values.get(curve)) for name, curve in NAMES.items()}
        data["tuneloop"] = {name: _finite(value) for name, value in values.items() if name not in NAMES.values()}
        message = f"Step {step}/{total}: training loss={_shown(values.get('loss'))}"
        if "validation_loss" in values:
            message += f", validation loss={_shown(values['validation_loss'])}"
        rows.tell(connection, self.job, message, type="metrics", data=data)

    def commit_checkpoint(self, folder: Path, step: int, loss: float | None = None) -> Path:
        place = self.whole.commit_checkpoint(folder, step, loss)
        latest: dict[str, float] = {}
        for point in self.whole.points():
            if point.step <= step:
                latest[point.name] = point.value
        metrics: dict[str, Any] = {"step": step}
        metrics |= {name: _finite(latest.get(curve)) for name, curve in NAMES.items()}
        # Our validation always reads the whole validation set.
        metrics["full_valid_loss"] = metrics["valid_loss"]
        metrics["full_valid_mean_token_accuracy"] = metrics["valid_mean_token_accuracy"]
        with self.ws.db.write() as connection:
            self.fence(connection)
            rows.add_checkpoint(connection, self.job, step, metrics)
        return place

    @property
    def folder(self) -> Path:
        return self.whole.folder

    def fence(self, connection: Connection) -> None:
        self.whole.fence(connection)

    def points(self) -> list[Point]:
        return self.whole.points()

    def should_stop(self) -> str:
        return self.whole.should_stop()

    def new_checkpoint(self) -> Path:
        return self.whole.new_checkpoint()

    def latest_checkpoint(self) -> Path | None:
        return self.whole.latest_checkpoint()

    def best_checkpoint(self) -> Path | None:
        return self.whole.best_checkpoint()

    def checkpoints(self) -> list[Checkpoint]:
        return self.whole.checkpoints()

    def drop_checkpoints(self, before: int) -> None:
        self.whole.drop_checkpoints(before)

    def finish(self, result: Mapping[str, Any] | None = None) -> None:
        self.whole.finish(result)

    def fail(self, error: BaseException | Mapping[str, Any]) -> None:
        self.whole.fail(error)

    def pause(self) -> None:
        self.whole.pause()

    def cancel(self) -> None:
        self.whole.cancel()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "nan" if value is None else f"{value:.2f}"
