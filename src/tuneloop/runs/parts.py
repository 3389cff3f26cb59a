"""One part of a run that is done in several: its own folder, and steps that follow those of the parts before.

A part looks like the whole lease to whoever works on it.  The checkpoints that a run shows are those of the part in
work; `begin` removes what the part before left.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tuneloop.runs.checkpoints import Checkpoint
from tuneloop.runs.lease import Lease, Point


class Part(Lease):
    """Part `number` (from 1) of `whole`, whose curves begin behind step `before`; events carry its number."""

    def __init__(self, whole: Lease, number: int, before: int) -> None:
        # The lease's own __init__ starts the thread that renews it; the whole has one.
        self.whole, self.number, self.before = whole, number, before
        self.ws, self.run, self.attempt = whole.ws, whole.run, whole.attempt
        self.kind, self.spec, self.seconds, self.watch = whole.kind, whole.spec, whole.seconds, whole.watch

    @property
    def folder(self) -> Path:
        return self.whole.folder / f"stage-{self.number}"

    @property
    def _first(self) -> int:
        """The checkpoint number of step 0: no two parts share one, as a part may be stopped before its first step."""
        return self.before + self.number

    def begin(self) -> None:
        """Remove the checkpoints of earlier parts, whose results are safe."""
        self.whole.drop_checkpoints(self._first)

    def fence(self, connection: Connection) -> None:
        self.whole.fence(connection)

    def event(self, kind: str, /, **data: Any) -> int:
        return self.whole.event(kind, stage=self.number, **data)

    def metrics(self, points: Mapping[int, Mapping[str, float]]) -> None:
        self.whole.metrics({step + self.before: values for step, values in points.items()})

    def points(self) -> list[Point]:
        return [
            Point(point.step - self.before, point.name, point.value)
            for point in self.whole.points()
            if point.step > self.before
        ]

    def should_stop(self) -> str:
        return self.whole.should_stop()

    def new_checkpoint(self) -> Path:
        return self.whole.new_checkpoint()

    def commit_checkpoint(self, folder: Path, step: int, loss: float | None = None) -> Path:
        return self.whole.commit_checkpoint(folder, step + self._first, loss)

    def latest_checkpoint(self) -> Path | None:
        return self.whole.latest_checkpoint()

    def best_checkpoint(self) -> Path | None:
        return self.whole.best_checkpoint()

    def checkpoints(self) -> list[Checkpoint]:
        return self.whole.checkpoints()

    def finish(self, result: Mapping[str, Any] | None = None) -> None:
        self.whole.finish(result)

    def fail(self, error: BaseException | Mapping[str, Any]) -> None:
        self.whole.fail(error)

    def pause(self) -> None:
        self.whole.pause()

    def cancel(self) -> None:
        self.whole.cancel()
