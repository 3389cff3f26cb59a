"""A picture of a run's loss, as SVG files in the run's folder: one in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.charts import Mark, Series, line_chart
from tuneloop.store.durable import write_file
from tuneloop.wording import Language, Words

if TYPE_CHECKING:
    from pathlib import Path

    from tuneloop.runs import Lease
    from tuneloop.store.workspace import Workspace

TITLE = Words("Loss of {run}", "{run} 的损失曲线")
STEPS = Words("step", "步数")
LOSS = Words("loss (nats per token)", "损失（奈特/词元）")
NAMES = {"loss": Words("training", "训练"), "validation_loss": Words("validation", "验证")}
BEST = Words("best", "最佳")
SMOOTH = 0.9  # weight of the past in the drawn average; single training steps are noisy


def write_curves(ws: Workspace, lease: Lease) -> list[Path]:
    """Write `loss.en.svg` and `loss.zh.svg`; returns their places."""
    places = []
    for language in ("en", "zh"):
        place = lease.folder / f"loss.{language}.svg"
        write_file(place, curves(ws, lease.run, language).encode())
        places.append(place)
    return places


def curves(ws: Workspace, run: str, language: Language | None = None) -> str:
    """The picture as SVG text; without a language it carries both, for a page that chooses."""
    from tuneloop.runs import queue

    points: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES}
    for metric in queue.metrics(ws, run, list(NAMES)):
        points[metric.name].append((metric.step, metric.value))
    series = [
        Series(NAMES[name], found, smooth=SMOOTH if name == "loss" else 0.0) for name, found in points.items() if found
    ]
    held_out = points["validation_loss"]
    marks = [Mark(min(held_out, key=lambda point: point[1])[0], BEST)] if held_out else []
    title = TITLE.format(run=run)
    return line_chart(series, title=title, x_label=STEPS, y_label=LOSS, marks=marks, language=language)
