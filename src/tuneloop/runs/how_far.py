"""How far a run is: what its process tells of its progress, kept in the run's row for whoever looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuneloop.records.progress import STAGES, UNITS, Progress
from tuneloop.store.tables import created_text
from tuneloop.wording import Words


@dataclass(frozen=True)
class HowFar:
    """What a run is doing: `done` of `total` units (None: unknown), as it last told, at `time`.

    `stage` and `unit` are keys, `title` and `units` the same for a reader.  `seconds_left` of this stage is what the
    work says, else what its pace so far gives; None where neither is known.
    """

    stage: str
    title: Words
    done: int
    total: int | None
    unit: str
    units: Words
    note: Words | None
    seconds_left: float | None
    time: str


def how_far(kept: Mapping[str, Any] | None) -> HowFar | None:
    """What a row keeps, as a reader sees it."""
    if kept is None:
        return None
    stage, unit, note = kept["stage"], kept["unit"], kept["note"]
    return HowFar(
        stage=stage,
        title=STAGES.get(stage, Words(stage, stage)),
        done=kept["done"],
        total=kept["total"],
        unit=unit,
        units=UNITS.get(unit, Words(unit, unit)),
        note=None if note is None else Words(**note),
        seconds_left=kept["seconds_left"],
        time=created_text(kept["time"]),
    )


class Telling:
    """Keeps what a run's process last told, for the thread that writes it down.

    Called from the work as a watcher, at any rate: it does no more than to note the moment.
    """

    def __init__(self) -> None:
        self._newest: Progress | None = None
        self._written: Progress | None = None
        self._stage, self._begun, self._first = "", 0.0, 0

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage, self._begun, self._first = progress.stage, time.monotonic(), progress.done
        self._newest = progress

    @property
    def fresh(self) -> Progress | None:
        """What was told since it was last `written`."""
        return None if self._newest is self._written else self._newest

    def written(self, progress: Progress) -> None:
        self._written = progress

    def row(self, progress: Progress, now: float) -> dict[str, Any]:
        """What the run's row keeps of it, at the time `now` (the database's)."""
        return {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            "note": None if progress.note is None else progress.note._asdict(),
            "seconds_left": self._left(progress),
            "time": now,
        }

    def _left(self, progress: Progress) -> float | None:
        told = progress.values.get("seconds_left")
        if told is not None:
            return round(told, 1)
        took, done = time.monotonic() - self._begun, progress.done - self._first
        if progress.total is None or done <= 0 or took < 1:
            return None
        return round(took / done * max(progress.total - progress.done, 0), 1)
