"""Follows a run to its end and stops it well: Ctrl-C keeps a checkpoint, from which it is resumed.

The run lives in the queue and in a process of its own; what is shown here is read from the workspace, so that a closed
terminal or a killed command costs nothing but the view.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.errors import ConflictError, NotFoundError, StoppedError, TuneloopError, Where
from tuneloop.records import Progress, Watcher
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs import Run
    from tuneloop.runs.executors.local import LocalExecutor
    from tuneloop.store import Workspace

POLL_SECONDS = 0.5
SHOWN = ("loss", "validation_loss", "tokens_per_second")
"""The curves that the live line shows; all of them are in the workspace."""


def resume(ws: Workspace, executor: LocalExecutor, name: str | None) -> str:
    """Queue a stopped run again (the newest one that can go on, or the one named) and start its process."""
    from tuneloop.runs import queue

    run = queue.show(ws, name) if name else newest_stopped(ws)
    queue.resume(ws, run.id)
    executor.start(ws, run.id)
    return run.id


def newest_stopped(ws: Workspace) -> Run:
    from tuneloop.runs import queue
    from tuneloop.runs.run import RESUMABLE

    for run in queue.list(ws, kind="train"):
        if run.state in RESUMABLE or run.interrupted or (run.state == "queued" and run.attempt):
            return run
        if run.active:
            raise ConflictError(f"{run.id} is {run.state}", do=f"Watch it with: tuneloop show {run.id}")
    raise NotFoundError("no training run was stopped", do="Start one with: tuneloop train")


def to_the_end(ws: Workspace, executor: LocalExecutor, run_id: str, watch: Watcher) -> Run:
    """Follow a run until it has succeeded; raises what went wrong, and `StoppedError` after Ctrl-C."""
    try:
        run = _follow(ws, executor, run_id, watch)
    except KeyboardInterrupt:
        run = _stop_well(ws, executor, run_id, watch)
    if run.state == "succeeded":
        return run
    raise ending(ws, run)


def _follow(ws: Workspace, executor: LocalExecutor, run_id: str, watch: Watcher) -> Run:
    from tuneloop.runs import queue

    view = View(watch)
    while True:
        exited = executor.wait(run_id, timeout=POLL_SECONDS) is not None
        run = queue.show(ws, run_id)
        view.look(ws, run_id)
        if exited or run.state in ("succeeded", "failed", "cancelled", "paused"):
            return run
        if run.state == "queued":
            view.waiting()


class View:
    """Turns a run's events and curve points into progress."""

    def __init__(self, watch: Watcher) -> None:
        self.watch, self.seen, self.step = watch, 0, -1
        self.total: int | None = None
        self.values: dict[str, float] = {}
        self.told_waiting = 0.0

    def look(self, ws: Workspace, run_id: str) -> None:
        """Pass on what is new."""
        from tuneloop.runs import queue

        for event in queue.events(ws, run_id, after=self.seen):
            self.seen = event.number
            if isinstance(event.data.get("steps"), int):
                self.total = event.data["steps"]
            if event.kind == "encoding":
                self.watch(Progress("encode", event.data["done"], event.data["total"], "records"))
        points = queue.metrics(ws, run_id, after=self.step)
        for point in points:
            self.step = max(self.step, point.step)
            if point.name in SHOWN:
                self.values[point.name] = point.value
        if points:
            self.watch(Progress("train", self.step, self.total, "steps", dict(self.values)))

    def waiting(self) -> None:
        if time.monotonic() - self.told_waiting > 5:
            self.told_waiting = time.monotonic()
            self.watch(Progress("train", 0, None, "", {}, Words("waiting for its turn", "正在排队")))


def _stop_well(ws: Workspace, executor: LocalExecutor, run_id: str, watch: Watcher) -> Run:
    from tuneloop.runs import queue

    watch(Progress("train", 0, None, "", {}, Words("saving a checkpoint", "正在保存检查点")))
    try:
        queue.pause(ws, run_id)
        executor.wait(run_id)
    except ConflictError:
        pass  # it ended by itself in the same moment
    except KeyboardInterrupt:
        raise StoppedError(
            f"{run_id} still saves its checkpoint in the background", do="Go on with: tuneloop train --resume"
        ) from None
    return queue.show(ws, run_id)


def ending(ws: Workspace, run: Run) -> TuneloopError:
    from tuneloop.runs.executors.local import log_file

    if run.state == "paused" or (run.state == "queued" and not run.attempt):
        return StoppedError(f"{run.id} was stopped and its progress is kept", do="Go on with: tuneloop train --resume")
    if run.state == "cancelled":
        return StoppedError(f"{run.id} was cancelled")
    log = Where(file=log_file(ws, run.id))
    error = run.error or {}
    if error.get("code") == "bug":
        return TuneloopError(f"{run.id} failed by a fault in the program: {error.get('message')}", where=log)
    if error:
        return _retold(error)
    return TuneloopError(
        f"the process of {run.id} ended without a word (killed, or out of memory)",
        where=log,
        do="Go on from its last checkpoint with: tuneloop train --resume",
    )


def _retold(error: Mapping[str, Any]) -> TuneloopError:
    """The error of the run's process, of the same kind and with the same parts, so that the exit code agrees."""
    from tuneloop import errors

    kinds: dict[str, Callable[..., TuneloopError]] = {
        kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TuneloopError)
    }
    where = Where(error.get("file"), error.get("line"), error.get("row"), error.get("field"))
    kind = kinds.get(str(error.get("code")), TuneloopError)
    return kind(
        error.get("found") or error.get("message") or "",
        expected=error.get("expected") or "",
        where=where,
        do=error.get("do") or "",
    )
