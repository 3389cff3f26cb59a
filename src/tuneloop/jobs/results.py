"""The result file of a job: its curves as CSV, with the columns of Azure's guide."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

from tuneloop.runs.lease import Point

COLUMNS: Mapping[str, str] = {
    "train_loss": "loss",
    "train_mean_token_accuracy": "token_accuracy",
    "valid_loss": "validation_loss",
    "validation_mean_token_accuracy": "validation_token_accuracy",
    "full_valid_loss": "validation_loss",
    "full_valid_mean_token_accuracy": "validation_token_accuracy",
}
"""Columns and the curves that fill them; our validation always reads the whole set."""


def result_csv(points: Sequence[Point], classification: Mapping[str, float] | None = None) -> bytes:
    """One line a step; classification figures, measured once at the end, stand in the last line."""
    steps: dict[int, dict[str, float]] = {}
    for point in points:
        steps.setdefault(point.step, {})[point.name] = point.value
    extra = list(classification or {})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", *COLUMNS, *extra])
    for step in sorted(steps):
        last = step == max(steps)
        ends = [_written((classification or {})[name]) if last else "" for name in extra]
        writer.writerow([step, *(_written(steps[step].get(curve)) for curve in COLUMNS.values()), *ends])
    return out.getvalue().encode()


def _written(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(value)
