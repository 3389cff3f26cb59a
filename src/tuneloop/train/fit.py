"""The training loop: the only one, for every objective, tuner and optimizer.

    batches → loss sum and weight sum over micro-batches → clip → optimizer → curves → validation → checkpoint

Gradients are summed over the micro-batches of a step and divided once by the summed weight, so that a step equals one
big batch however it was cut.  Everything that a later step depends on is in `State`, the updater's tensors and the
random state: a run that goes on from a checkpoint computes the numbers it would have computed.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tuneloop.errors import TuneloopError
from tuneloop.train.batches import Batches
from tuneloop.train.objective import Objective
from tuneloop.train.optimizer import Updater
from tuneloop.train.schedules import Schedule, factor

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.packed import Packed


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
    def checkpoint(self, state: State) -> None:
        """Keep everything that is needed to go on from here."""

    @abstractmethod
    def improved(self, state: State) -> None:
        """The weights of this moment are the best so far: keep them."""


def fit(
    lm: LanguageModel,
    objective: Objective,
    updater: Updater,
    batches: Batches,
    validation: Batches | None,
    plan: Plan,
    state: State,
    hooks: Hooks,
) -> str:
    """Train from `state` to the end of the plan; returns how it ended: "done", "early", or what `hooks.stop` said."""
    saved = time.monotonic()
    while state.step < plan.steps:
        if reason := hooks.stop():
            hooks.checkpoint(state)
            return reason
        began = time.perf_counter()
        loss, weight, tokens, metrics = accumulate(lm, objective, batches.of(state.step))
        norm = updater.norm() / weight
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise diverged(state, plan, loss, norm)
        share = factor(plan.schedule, state.step, plan.steps, plan.warmup)
        updater.step(share, divide=weight * max(1.0, norm / plan.clip if plan.clip else 0.0))
        state.step += 1
        state.tokens += tokens
        speed = tokens / (time.perf_counter() - began)
        rate = plan.learning_rate * share
        figures = {"loss": loss / weight, "gradient_norm": norm, "learning_rate": rate, "tokens_per_second": speed}
        hooks.measured(state.step, figures | {name: value / weight for name, value in metrics.items()})

        if validation and plan.eval_every and (state.step % plan.eval_every == 0 or state.step == plan.steps):
            held_out = validate(lm, objective, validation)
            hooks.measured(state.step, {"validation_loss": held_out})
            if held_out < state.best:
                state.best, state.best_step, state.strikes = held_out, state.step, 0
                hooks.improved(state)
            else:
                state.strikes += 1
                if plan.patience and state.strikes >= plan.patience:
                    return "early"
        if time.monotonic() - saved >= plan.checkpoint_seconds:
            hooks.checkpoint(state)
            saved = time.monotonic()
    return "done"


def accumulate(
    lm: LanguageModel, objective: Objective, batches: Iterable[Packed]
) -> tuple[float, float, int, Mapping[str, float]]:
    """Sum gradients over the micro-batches of a step: (loss sum, weight, tokens, sums of the objective's metrics)."""
    loss = weight = 0.0
    tokens = 0
    metrics: dict[str, float] = defaultdict(float)
    for batch in batches:
        part = objective.loss(lm, batch)
        part.total.backward()  # type: ignore[no-untyped-call]
        loss += float(part.total.detach())
        weight += part.weight
        tokens += len(batch.ids)
        for name, value in part.metrics.items():
            metrics[name] += value
    return loss, weight, tokens, metrics


def validate(lm: LanguageModel, objective: Objective, validation: Batches) -> float:
    """Mean loss over all held-out examples."""
    loss = weight = 0.0
    with torch.no_grad():
        for batch in validation.once():
            part = objective.loss(lm, batch)
            loss += float(part.total)
            weight += part.weight
    return loss / weight


def diverged(state: State, plan: Plan, loss: float, norm: float) -> TuneloopError:
    """The sentence for a loss or gradient that is no longer a number."""
    return TuneloopError(
        f"training diverged at step {state.step + 1} of {plan.steps}: loss {loss:.4g}, gradient norm {norm:.4g}",
        expected="finite numbers",
        do=f"The last checkpoint is kept; try a learning rate below {plan.learning_rate:g} or more warm-up steps",
    )
