"""The right to work on a run: held by one process, renewed in the background, lost when it stops renewing.

Every write carries the attempt number.  When another process has taken the run over meanwhile, the write is refused
with `ConflictError`, and the worker stops.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError

from tuneloop.errors import ConflictError, StoppedError, StorageError, TuneloopError
from tuneloop.runs import checkpoints
from tuneloop.runs.checkpoints import Checkpoint
from tuneloop.runs.claiming import LEASE_SECONDS
from tuneloop.runs.events import add_event
from tuneloop.runs.how_far import Telling
from tuneloop.runs.run import ACTIVE, State
from tuneloop.store import Workspace
from tuneloop.store.database import clock, now, upsert
from tuneloop.store.tables import metrics, runs

TELL_SECONDS = 1.0
"""Between two writes of how far a run is."""


class Point(NamedTuple):
    """A point of a curve; NaN where the value was none."""

    step: int
    name: str
    value: float


class Lease:
    """One attempt at a run.

    As a context manager it ends the run: well, or failed by an error inside; when a person stopped it, it is paused,
    and can be resumed.
    """

    keeps_models: ClassVar[bool] = False
    """Whether each checkpoint of a training run also holds what was learnt so far in a form that can be asked."""

    def __init__(
        self,
        ws: Workspace,
        run: str,
        attempt: int,
        *,
        kind: str,
        spec: Mapping[str, Any],
        seconds: float = LEASE_SECONDS,
    ) -> None:
        self.ws, self.run, self.attempt, self.kind, self.spec = ws, run, attempt, kind, dict(spec)
        self.seconds = seconds
        self.watch = Telling()
        """A watcher: what it is told is in the run's row a second later, and when the run ends."""
        self.lost: ConflictError | None = None
        self.ended = False
        self._stopping = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name=f"lease of {run}", daemon=True)
        self._renewer.start()

    @property
    def folder(self) -> Path:
        """The run's own folder in the workspace."""
        return self.ws.path("runs", self.run)

    def fence(self, connection: Connection) -> None:
        """Lock the run's row and refuse if this attempt no longer holds it; the first thing in each transaction."""
        query = select(runs.c.attempt, runs.c.state).where(runs.c.id == self.run).with_for_update()
        row = connection.execute(query).first()
        if row is None or row.attempt != self.attempt or row.state not in ACTIVE:
            raise self._gone(None if row is None else f"{row.state}, attempt {row.attempt}")

    def event(self, kind: str, /, **data: Any) -> int:
        """Note that something happened; returns the event's number in this run."""
        with self.ws.db.write() as connection:
            return self._event(connection, kind, data)

    def metric(self, step: int, **values: float) -> None:
        """Add points to the run's curves; a step that is done again replaces its points."""
        self.metrics({step: values})

    def metrics(self, points: Mapping[int, Mapping[str, float]]) -> None:
        """The same for many steps in one transaction."""
        with self.ws.db.write() as connection:
            self.add_points(connection, points)

    def add_points(self, connection: Connection, points: Mapping[int, Mapping[str, float]]) -> None:
        """`metrics` inside the caller's transaction."""
        self.fence(connection)
        time = clock(connection)
        rows = [
            {"run": self.run, "step": step, "name": name, "value": _storable(value), "time": time}
            for step, values in points.items()
            for name, value in values.items()
        ]
        upsert(connection, metrics, rows)

    def points(self) -> list[Point]:
        """All points of the run's curves, by step."""
        with self.ws.db.read() as connection:
            query = select(metrics.c.step, metrics.c.name, metrics.c.value).where(metrics.c.run == self.run)
            rows = connection.execute(query.order_by(metrics.c.step)).all()
        return [Point(row.step, row.name, math.nan if row.value is None else row.value) for row in rows]

    def should_stop(self) -> str:
        """Empty to go on, `pause` or `cancel` when a person asked for it; `ConflictError` when the lease is lost."""
        if self.lost is not None:
            raise self.lost
        with self.ws.db.read() as connection:
            query = select(runs.c.stop, runs.c.state, runs.c.attempt).where(runs.c.id == self.run)
            row = connection.execute(query).one()
        if row.attempt != self.attempt or row.state not in ACTIVE:
            raise self._gone(f"{row.state}, attempt {row.attempt}")
        return str(row.stop)

    def new_checkpoint(self) -> Path:
        """An empty folder to write a checkpoint in, for `commit_checkpoint`."""
        return checkpoints.new_folder(self.folder, self.attempt)

    def commit_checkpoint(self, folder: Path, step: int, loss: float | None = None) -> Path:
        """Make a folder the run's checkpoint at `step`: whole or not there, whenever the process is killed.

        The newest two stay, and the one with the lowest `loss`.  Returns the folder's final place.
        """
        return checkpoints.commit(self.ws, self.run, self.attempt, self.fence, folder, step, _storable(loss))

    def latest_checkpoint(self) -> Path | None:
        """The newest checkpoint whose files are all there and unchanged; torn ones are noted and removed."""
        whole, torn = checkpoints.newest_whole(self.ws, self.run)
        for one in torn:
            self.event("checkpoint_torn", step=one.step, folder=one.folder)
            checkpoints.forget(self.ws, self.run, self.fence, one)
        return self.ws.folder / whole.folder if whole else None

    def best_checkpoint(self) -> Path | None:
        """The whole checkpoint with the lowest loss; None when none was given a loss."""
        best = checkpoints.best_whole(self.ws, self.run)
        return self.ws.folder / best.folder if best else None

    def checkpoints(self) -> list[Checkpoint]:
        return checkpoints.visible(self.ws, self.run)

    def drop_checkpoints(self, before: int) -> None:
        """Remove those of steps below `before`, which nobody needs any more."""
        for one in self.checkpoints():
            if one.step < before:
                checkpoints.forget(self.ws, self.run, self.fence, one)

    def finish(self, result: Mapping[str, Any] | None = None) -> None:
        self._end("succeeded", result=dict(result or {}))

    def fail(self, error: BaseException | Mapping[str, Any]) -> None:
        """End as failed; a mistake keeps its sentence, a bug its traceback."""
        self._end("failed", error=told(error) if isinstance(error, BaseException) else dict(error))

    def pause(self) -> None:
        """Give the run back so that it can be resumed from its last checkpoint."""
        self._end("paused")

    def cancel(self) -> None:
        self._end("cancelled")

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self.ended:
            return
        if error is None:
            self.finish()
        else:
            try:
                self._give_up(error)
            except (ConflictError, StorageError) as second:  # what went wrong first matters more
                error.add_note(f"The run could not be ended in the database: {second}")
                self._stop_renewing()

    def _give_up(self, error: BaseException) -> None:
        if not isinstance(error, KeyboardInterrupt | StoppedError):
            self.fail(error)
        elif self.should_stop() == "cancel":
            self.cancel()
        else:
            self.pause()

    def _end(self, state: State, *, result: Mapping[str, Any] | None = None, error: Any = None) -> None:
        with self.ws.db.write(durable=True) as connection:
            self._event(connection, state, {"error": error} if error else {})
            over = clock(connection) if state != "paused" else None
            values = {"state": state, "stop": "", "lease_until": None, "finished": over, "error": error}
            if result is not None:
                values["result"] = result
            if fresh := self.watch.fresh:
                values["progress"] = fresh.kept(clock(connection))
            connection.execute(update(runs).where(runs.c.id == self.run).values(values))
        self._stop_renewing()

    def _stop_renewing(self) -> None:
        self.ended = True
        self._stopping.set()
        if threading.current_thread() is not self._renewer:
            self._renewer.join(timeout=self.seconds)

    def _event(self, connection: Connection, kind: str, data: Mapping[str, Any]) -> int:
        self.fence(connection)
        return add_event(connection, self.run, kind, data)

    def _renew(self) -> None:
        every = self.seconds / 3
        due = time.monotonic() + every
        while not self._stopping.wait(min(every, TELL_SECONDS)):
            fresh = self.watch.fresh
            if fresh is None and time.monotonic() < due:
                continue
            try:
                with self.ws.db.write() as connection:
                    self.fence(connection)
                    values: dict[str, Any] = {"lease_until": now() + self.seconds}
                    if fresh is not None:
                        values["progress"] = fresh.kept(clock(connection))
                    connection.execute(update(runs).where(runs.c.id == self.run).values(values))
                due = time.monotonic() + every
                if fresh is not None:
                    self.watch.written(fresh)
            except (ConflictError, StorageError, DBAPIError):
                if self.lost is not None:
                    return
                # A full disk, a long writer or a restarted server may pass in time; if not, the lease runs out and
                # the next write is refused.

    def _gone(self, found: str | None) -> ConflictError:
        self.lost = ConflictError(
            f"attempt {self.attempt} of {self.run} is no longer held by this process (found: {found or 'no such run'})",
            do="Nothing was written; the process that took the run over goes on with it",
        )
        return self.lost


def told(error: BaseException) -> dict[str, Any]:
    """An error as the run keeps it."""
    if isinstance(error, TuneloopError):
        return error.as_dict()
    lines = "".join(traceback.format_exception(error))
    return {"code": "bug", "message": f"{type(error).__name__}: {error}", "traceback": lines}


def _storable(value: float | None) -> float | None:
    """NaN is kept as NULL: SQLite has no other place for it."""
    return None if value is None or math.isnan(value) else float(value)
