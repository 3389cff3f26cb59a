"""A small reinforcement run without a workspace's queue: scene, learner, updater, and the loop on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuneloop.models import load
from tuneloop.models.language_model import LanguageModel
from tuneloop.records import Record
from tuneloop.train import checkpoints
from tuneloop.train.assembly import weights_of
from tuneloop.train.batches import Batch, Batches, Size
from tuneloop.train.examples import Item, write
from tuneloop.train.fit import Hooks, Plan, State, fit
from tuneloop.train.learner import Scene
from tuneloop.train.learners.rounds import Rounds
from tuneloop.train.objective import objectives
from tuneloop.train.optimizer import Updater
from tuneloop.train.optimizers.adamw import AdamW
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.tuner import Tuner
from tuneloop.train.tuners.full import Full

from .conftest import chat

LETTERS = {"name": "pattern", "pattern": "^[a-z]"}
"""The answer begins with a small letter: an untrained model of one token per byte does so in one case of ten."""


def questions(count: int = 8) -> list[Record]:
    return [chat(f"{'Q' * (1 + number % 5)}{number}?", "yes") for number in range(count)]


class Told(Hooks):
    """Keeps the curves; stops before step `end`."""

    def __init__(self, end: int | None = None) -> None:
        self.end, self.curves = end, dict[str, list[float]]()
        self._steps = 0

    def stop(self) -> str:
        return "pause" if self._steps == self.end else ""

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        self._steps += 1
        for name, value in values.items():
            self.curves.setdefault(name, []).append(value)

    def trained_on(self, step: int, loss: float, batches: Sequence[Batch]) -> None:
        pass

    def checkpoint(self, state: State) -> None:
        pass

    def improved(self, state: State) -> None:
        pass


@dataclass
class Arena:
    lm: LanguageModel
    learner: Rounds
    updater: Updater
    tuner: Tuner
    plan: Plan
    state: State = field(default_factory=State)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def run(self, end: int | None = None) -> dict[str, list[float]]:
        hooks = Told(end)
        fit(self.learner, self.tuner, self.updater, self.plan, self.state, hooks)
        return hooks.curves

    def save(self, folder: Path) -> None:
        checkpoints.save(folder, self.state, self.updater, self.learner)

    def load(self, folder: Path) -> None:
        self.state = checkpoints.load(folder, self.updater, self.learner)


def arena(
    base: Path,
    folder: Path,
    objective: dict[str, Any],
    *,
    steps: int = 4,
    batch: int = 4,
    micro_tokens: int = 4096,
    rate: float = 3e-3,
    tuner: Tuner | None = None,
    records: Sequence[Record] | None = None,
    fresh: bool = True,
) -> Arena:
    lm = load(base, "float32")
    spec = {"rewards": [LETTERS], "max_tokens": 4, **objective}
    member = objectives.create(spec)
    encoded = write([Item(one) for one in records or questions()], member, lm, 128, folder / "encoded", {})
    batches = Batches(encoded, Size(micro_tokens, examples=batch), 3, None)
    tuner = tuner or Full()
    tuner.attach(lm, 0)
    events: list[tuple[str, dict[str, Any]]] = []

    def tell(kind: str, **data: Any) -> None:
        events.append((kind, data))

    scene = Scene(lm, batches, None, TrainRecipe(seed=3), steps, folder, None, fresh, tell=tell)  # type: ignore[arg-type]
    learner = member.start(scene)
    assert isinstance(learner, Rounds)
    weights = weights_of(lm, tuner, tuner.trainable(lm) + learner.named_parameters())
    updater = AdamW().build(weights, rate, 0.0)
    plan = Plan(steps, "constant", 0, rate, 1.0, 0, 0, 1e9)
    return Arena(lm, learner, updater, tuner, plan, events=events)
