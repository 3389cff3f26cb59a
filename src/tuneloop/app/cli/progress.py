"""Progress on standard error: one live line a stage on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tuneloop.records import Progress, Watcher
from tuneloop.records.progress import STAGES, UNITS
from tuneloop.wording import Words

EVERY, SHARE = 5.0, 0.02
"""Between two plain lines pass 5 seconds, or 2 % of the time so far where that is more: a log stays readable."""

LEFT = Words("{time} left", "剩余 {time}")
HIDDEN = ("gradient_norm", "learning_rate", "seconds_left")
"""Figures that the line has no room for; the curves hold them."""


@contextmanager
def shown() -> Iterator[Watcher]:
    """A watcher for the time of a `with` block."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    live = LiveLines()
    try:
        yield live
    finally:
        live.close()


class PlainLines:
    """Writes a line when a stage begins, every few seconds, and when it ends."""

    def __init__(self) -> None:
        self.stage, self.begun, self.last, self.written = "", 0.0, 0.0, ""
        self.note: Words | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage:
            self.stage, self.begun, self.last = progress.stage, now, now - EVERY
        ended = progress.total is not None and progress.done >= progress.total
        pause = max(EVERY, SHARE * (now - self.begun))
        if now - self.last < pause and not ended and progress.note in (None, self.note):
            return
        line = "  ".join(part for part in (name_of(progress.stage), *parts_of(progress, now - self.begun)) if part)
        if line != self.written:
            print(line, file=sys.stderr, flush=True)
        self.last, self.written, self.note = now, line, progress.note


class LiveLines:
    """One line a stage that is drawn over itself: bar, count, figures, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bars

        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24)
        self.bars = Bars(*columns, TextColumn("{task.fields[figures]}", markup=False), console=Console(stderr=True))
        self.tasks: dict[str, tuple[Any, float]] = {}
        self.bars.start()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage not in self.tasks:
            self.tasks[progress.stage] = (
                self.bars.add_task(name_of(progress.stage), total=progress.total, figures=""),
                now,
            )
        task, begun = self.tasks[progress.stage]
        figures = "  ".join(parts_of(progress, now - begun))
        self.bars.update(task, completed=progress.done, total=progress.total, figures=figures)

    def close(self) -> None:
        self.bars.stop()


def name_of(stage: str) -> str:
    return str(STAGES.get(stage, stage))


def parts_of(progress: Progress, seconds: float) -> list[str]:
    """The pieces of one line: count, figures, time left (told by the work, else estimated from `seconds`), note."""
    count = f"{progress.done:,}" + (f"/{progress.total:,}" if progress.total is not None else "")
    parts = [f"{count} {UNITS.get(progress.unit, progress.unit)}".rstrip()]
    for name, value in progress.values.items():
        if name not in HIDDEN:
            parts.append(f"{name.replace('_per_second', '/s').replace('_', ' ')} {figure(value)}")
    left = progress.values.get("seconds_left")
    if left is None and progress.total and 0 < progress.done < progress.total and seconds > 1:
        left = seconds / progress.done * (progress.total - progress.done)
    if left:
        parts.append(str(LEFT.format(time=duration(left))))
    return parts + ([str(progress.note)] if progress.note else [])


def figure(value: float) -> str:
    """A number with three to four significant digits, as people write it: 2.137, 0.00021, 1,234."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """`8 s`, `1:05 min`, `2:03:10 h`."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02} h"
    return f"{minutes}:{whole % 60:02} min" if minutes else f"{whole} s"
