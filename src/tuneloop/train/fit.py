"""The training loop: the only one, for every objective, tuner and optimizer.

    batches → loss sum and weight sum over micro-batches → clip → optimizer → curves → validation → checkpoint

Gradients are summed over the micro-batches of a step and divided once by the summed weight, so that a step equals one
big batch however it was cut.  Everything that a later step depends on is in `State`, the tensors of updater and learner
and the random state: a run that goes on from a checkpoint computes the numbers it would have computed.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneloop.errors import TuneloopError
from tuneloop.train.batches import Batch
from tuneloop.train.optimizer import Updater
from tuneloop.train.schedules import Schedule, factor

if TYPE_CHECKING:
    from tuneloop.train.learner import Learner
    from tuneloop.train.tuner import Tuner


@dataclass(frozen=True)
class Plan:
    """What the loop is told, in optimizer steps.  `patience` 0: never stop early; `eval_every` 0: never look."""

    steps: int
    schedule: Schedule
    warmup: int
    learning_rate: float
    clip: float
    eval_every: int
    patience: int
    checkpoint_seconds: float


@dataclass
class State:
    """Where a run is: `step` steps are done; `strikes` validations in a row were no better than `best`."""

    step: int = 0
    tokens: int = 0
    best: float = math.inf
    best_step: int = 0
    strikes: int = 0


class Hooks(ABC):
    """What happens around the loop: telling, saving, being stopped."""

    @abstractmethod
    def stop(self) -> str:
        """Why the run should stop now ("pause", "cancel"), or an empty string."""

    @abstractmethod
    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step, for the curves."""

    @abstractmethod
    def trained_on(self, step: int, loss: float, batches: Sequence[Batch]) -> None:
        """The examples of a step and their mean loss."""

    @abstractmethod
    def checkpoint(self, state: State) -> None:
        """Keep everything that is needed to go on from here."""

    @abstractmethod
    def improved(self, state: State) -> None:
        """The weights of this moment are the best so far: keep them."""


def fit(learner: Learner, tuner: Tuner, updater: Updater, plan: Plan, state: State, hooks: Hooks) -> str:
    """Train from `state` to the end of the plan; returns how it ended: "done", "early", or what `hooks.stop` said."""
    saved = time.monotonic()
    held_out = learner.scene.held_out
    while state.step < plan.steps:
        if reason := hooks.stop():
            hooks.checkpoint(state)
            return reason
        began = time.perf_counter()
        tuner.thaw(learner.lm, state.step / plan.steps)
        batches = learner.micro_batches(state.step)
        loss, weight, tokens, metrics = accumulate(learner, batches)
        norm = updater.norm() / weight if weight else 0.0
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise diverged(state, plan, loss, norm, batches)
        share = factor(plan.schedule, state.step, plan.steps, plan.warmup)
        updater.step(share, divide=(weight or 1.0) * max(1.0, norm / plan.clip if plan.clip else 0.0))
        state.step += 1
        state.tokens += tokens
        speed = tokens / (time.perf_counter() - began)
        rate = plan.learning_rate * share
        figures = {"gradient_norm": norm, "learning_rate": rate, "tokens_per_second": speed}
        hooks.measured(state.step, metrics | figures)
        hooks.trained_on(state.step, metrics["loss"], batches)

        if held_out and plan.eval_every and (state.step % plan.eval_every == 0 or state.step == plan.steps):
            found = learner.assess(held_out)
            hooks.measured(state.step, found)
            if found["validation_loss"] < state.best:
                state.best, state.best_step, state.strikes = found["validation_loss"], state.step, 0
                hooks.improved(state)
            else:
                state.strikes += 1
                if plan.patience and state.strikes >= plan.patience:
                    return "early"
        if time.monotonic() - saved >= plan.checkpoint_seconds:
            hooks.checkpoint(state)
            saved = time.monotonic()
    return "done"


def accumulate(learner: Learner, batches: Sequence[Batch]) -> tuple[float, float, int, dict[str, float]]:
    """Sum gradients over the micro-batches of a step: (loss sum, weight, tokens, means for the curves).

    A data set of several groups gets a curve for each, `loss/GROUP`.
    """
    loss = weight = 0.0
    tokens = 0
    sums: dict[str, float] = defaultdict(float)
    groups: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    learner.survey(batches)
    for batch in batches:
        part = learner.loss(batch)
        part.total.backward()  # type: ignore[no-untyped-call]
        loss += float(part.total.detach())
        weight += part.weight
        tokens += len(batch.packed.ids)
        for name, value in part.metrics.items():
            sums[name] += value
        if part.by_example is not None:
            for group, (total, share) in zip(batch.groups.tolist(), part.by_example.tolist(), strict=True):
                groups[group][0] += total
                groups[group][1] += share
    divide = weight or 1.0
    means = {"loss": loss / divide} | {name: value / divide for name, value in sums.items()}
    for group, (total, share) in sorted(groups.items()):
        if share:
            means[f"loss/{batches[0].examples.groups[group]}"] = total / share
    return loss, weight, tokens, means


NAMED = 5  # records that a diverged step names; all are counted


def diverged(state: State, plan: Plan, loss: float, norm: float, batches: Sequence[Batch]) -> TuneloopError:
    """The sentence for a loss or gradient that is no longer a number."""
    records = list(dict.fromkeys(record for batch in batches for record in batch.records()))
    named = ", ".join(records[:NAMED]) + (f" and {len(records) - NAMED} more" if len(records) > NAMED else "")
    return TuneloopError(
        f"training diverged at step {state.step + 1} of {plan.steps}: loss {loss:.4g}, gradient norm {norm:.4g};"
        f" the step held the records {named}",
        expected="finite numbers",
        do=f"The last checkpoint is kept; try a learning rate below {plan.learning_rate:g} or more warm-up steps, and"
        " look at the records with: tuneloop show",
    )
