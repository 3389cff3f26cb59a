"""An objective at work on one model in one run: its batches, its loss, and whatever lasts from step to step.

    scene   what a run gives to an objective            learner   what the training loop asks of it

The plain learner serves every objective that is a function of (model, batch).  Others hold heads with weights of their
own, the scores of a reference model, or answers that the model wrote itself (rollouts).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tuneloop.train.batches import Batch, Batches
from tuneloop.train.objective import Loss, Objective

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.store.workspace import Workspace
    from tuneloop.train.recipe import TrainRecipe


@dataclass(frozen=True)
class Scene:
    """`lm` carries what the tuner attached, at its beginning; `fresh`: the adapter is untrained, so that taking it off
    gives the model that the run starts from.  `folder` is the run's; `tell` notes an event in the run; `told(count,
    done)` reports progress before the first step and may end it all with an error."""

    lm: LanguageModel
    batches: Batches
    held_out: Batches | None
    recipe: TrainRecipe
    steps: int
    folder: Path
    workspace: Workspace
    fresh: bool = True
    tell: Callable[..., Any] = lambda kind, **data: None
    told: Callable[[int, int], None] = lambda count, done: None


class Learner:
    def __init__(self, objective: Objective, scene: Scene) -> None:
        self.objective, self.scene, self.lm = objective, scene, scene.lm

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """Weights that the objective adds to those that the tuner moves (a head), by stable names."""
        return []

    def micro_batches(self, step: int) -> Sequence[Batch]:
        """What a step trains on; a pure function of the step and of the model and state before it."""
        return list(self.scene.batches.of(step))

    def survey(self, batches: Sequence[Batch]) -> None:
        """Look at all micro-batches of a step before the first one's loss, where that depends on the whole step."""

    def loss(self, batch: Batch) -> Loss:
        return self.objective.loss(self.lm, batch)

    def assess(self, held_out: Batches) -> dict[str, float]:
        """Figures on held-out examples, by the names of the curves; `validation_loss` (the lower the better) decides
        which weights are kept."""
        return mean_figures(self, held_out)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a later step depends on beside the weights: part of each checkpoint."""
        return {}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""

    def save(self, folder: Path) -> None:
        """Write what belongs to the result beside the tuner's files."""


def mean_figures(learner: Learner, held_out: Batches) -> dict[str, float]:
    """Weighted means over all held-out examples, surveyed as one step: the loss, and whatever metrics come with it."""
    loss = weight = 0.0
    sums: dict[str, float] = defaultdict(float)
    with torch.no_grad():
        batches = list(held_out.once())
        learner.survey(batches)
        for batch in batches:
            part = learner.loss(batch)
            loss += float(part.total)
            weight += part.weight
            for name, value in part.metrics.items():
                sums[name] += value
    means = {f"validation_{name}": value / weight for name, value in sums.items()}
    return {"validation_loss": loss / weight, **means}
