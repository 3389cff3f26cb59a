"""What the benchmark of objectives asks of a cell, and what it makes of the cell's figures.

A cell is one file in `objectives/`, whose `CELL` is trained once per seed, and once more without any movement: the
same run at a learning rate of 1e-30, which changes no weight.  Both are measured on the same items, which no run has
seen, and compared item by item.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any, Protocol

import tuneloop
from tuneloop.records import ModelVersion
from tuneloop.scores.interval import Interval, of_difference
from tuneloop.store import Workspace

STILL = 1e-30
CELLS = Path(__file__).parents[1] / "objectives"


class Cell(Protocol):
    """`settings` are those of `tuneloop train` that differ from the defaults; `units` name the metrics in the table."""

    settings: Mapping[str, Any]
    units: Mapping[str, str]

    def write(self, folder: Path, data: Sequence[Path]) -> Path:
        """The training rows as a file, of the user's own `data` where there is any."""
        ...

    def measure(self, ws: Workspace, model: ModelVersion) -> Mapping[str, list[float]]:
        """Each metric's value for every item that was held out, the higher the better, always in the same order."""
        ...


@dataclass(frozen=True)
class Measured:
    """Values of each metric by item, tuned and still; `settings` are the resolved ones of the tuned run."""

    cell: str
    seed: int
    tuned: dict[str, list[float]]
    still: dict[str, list[float]]
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def names() -> list[str]:
    return sorted(file.stem for file in CELLS.glob("*.py"))


def cell_of(name: str) -> Cell:
    spec = importlib.util.spec_from_file_location(f"cell_{name}", CELLS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for the names in their annotations
    spec.loader.exec_module(module)
    return module.CELL  # type: ignore[no-any-return]


def run(name: str, seed: int, data: Sequence[Path], more: Mapping[str, Any]) -> Measured:
    """One seed of a cell in a workspace of its own; `more` are further settings of `tuneloop train`."""
    cell = cell_of(name)
    with tempfile.TemporaryDirectory() as place, Workspace.find(Path(place) / "workspace") as ws:
        tuneloop.prepare(cell.write(Path(place), data), workspace=ws, recipe={"steps": ["normalize"]})
        settings = {"seed": seed, "general": "none", **cell.settings, **more}
        began = time.perf_counter()
        model = tuneloop.train(workspace=ws, **settings)
        seconds = time.perf_counter() - began
        still = tuneloop.train(workspace=ws, **{**settings, "learning_rate": STILL, "max_steps": 2})
        found = [{key: list(values) for key, values in cell.measure(ws, one).items()} for one in (model, still)]
        return Measured(name, seed, found[0], found[1], seconds, dict(model.recipe["train"]))


def compared(runs: Sequence[Measured], metric: str) -> tuple[float, float, Interval]:
    """Means of still and tuned over seeds and items, and the interval of their difference over items: an item's values
    are means over the seeds, as runs on the same items are not independent."""
    tuned, still = (
        [mean(values) for values in zip(*(getattr(one, kind)[metric] for one in runs), strict=True)]
        for kind in ("tuned", "still")
    )
    return mean(still), mean(tuned), of_difference(tuned, still)


def table(runs: Sequence[Measured]) -> str:
    """One row per cell and metric."""
    head = ["objective", "metric", "seeds", "items", "no update", "tuned, by seed", "tuned", "gain, 95 % interval"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name in dict.fromkeys(one.cell for one in runs):
        mine = [one for one in runs if one.cell == name]
        for metric, title in cell_of(name).units.items():
            before, after, gain = compared(mine, metric)
            seeds = ", ".join(f"{mean(one.tuned[metric]):.3g}" for one in mine)
            interval = f"{gain.mean:+.3g} ({gain.low:+.3g} to {gain.high:+.3g})"
            row = [name, title, str(len(mine)), str(gain.count), f"{before:.3g}", seeds, f"{after:.3g}", interval]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"
