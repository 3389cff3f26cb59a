"""How far a run is: what its process tells of its progress, kept in the run's row for whoever looks."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class Told:
    """What a row keeps of one `Progress`, but for the time, as plain data."""

    stage: str
    done: int
    total: int | None
    unit: str
    note: Mapping[str, str] | None
    seconds_left: float | None

    def kept(self, now: float) -> dict[str, Any]:
        """What the run's row keeps, at the time `now` (the database's)."""
        return {**vars(self), "time": now}


class Telling:
    """Keeps what a run's process last told, for the thread that writes it down.

    Called from the work as a watcher, at any rate: it does no more than to note the moment.  Here and not in the thread
    a value that is no number is an error.
    """

    def __init__(self) -> None:
        self._newest: Told | None = None
        self._written: Told | None = None
        self._at = time.monotonic()
        self._pass: tuple[object, ...] = ()
        self._begun, self._first = 0.0, 0

    def __call__(self, progress: Progress) -> None:
        self._at = time.monotonic()
        doing = (progress.stage, progress.total, progress.unit, progress.note)
        if doing != self._pass or self._newest is None or progress.done < self._newest.done:  # another pass, its pace
            self._pass, self._begun, self._first = doing, self._at, progress.done
        self._newest = Told(
            str(progress.stage),
            int(progress.done),
            None if progress.total is None else int(progress.total),
            str(progress.unit),
            None if progress.note is None else progress.note._asdict(),
            self._left(progress),
        )

    @property
    def fresh(self) -> Told | None:
        """What was told since it was last `written`."""
        return None if self._newest is self._written else self._newest

    def written(self, told: Told) -> None:
        self._written = told

    def _left(self, progress: Progress) -> float | None:
        left = progress.values.get("seconds_left")
        if left is None:
            took, done = self._at - self._begun, progress.done - self._first
            if progress.total is None or done <= 0 or took < 1:
                return None
            left = took / done * max(progress.total - progress.done, 0)
        return round(float(left), 1) if math.isfinite(left) else None
