"""The objective `reward` at work: the model's hidden rows through a head that is trained with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.models.heads import Head
from tuneloop.train.batches import Batch
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.objective import Loss
from tuneloop.train.pairs import Compared, outcome

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.train.objectives.reward import RewardModel


class RewardLearner(Learner):
    objective: RewardModel

    def __init__(self, objective: RewardModel, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.head = Head.new("reward", scene.lm.config.hidden, seed=scene.recipe.seed, device=scene.lm.device)

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        return self.head.named_parameters()

    def loss(self, batch: Batch) -> Loss:
        packed = batch.packed
        rewards = self.head.scores(self.lm.hidden(packed, self.head.rows(packed))).view(len(batch), 2)
        chosen, rejected = rewards[:, 0], rewards[:, 1]
        return outcome(batch, Compared(self.objective.compare(chosen, rejected), chosen, rejected))

    def save(self, folder: Path) -> None:
        self.head.save(folder)
