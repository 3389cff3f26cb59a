"""The objective `kto` at work: z over a whole step, then the losses of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from tuneloop.models.packed import Packed
from tuneloop.train.batches import Batch
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.next_token import log_probabilities
from tuneloop.train.objective import Loss
from tuneloop.train.objectives.kto import KahnemanTversky
from tuneloop.train.references import References

OWN, FOREIGN = 0, 1  # the sides of an example


class KtoLearner(Learner):
    objective: KahnemanTversky

    def __init__(self, objective: KahnemanTversky, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.references = References(scene)
        index = scene.batches.examples.index
        good, bad = (float(index["weight"][index["label"] == label].sum()) for label in (1.0, 0.0))
        self.weights = objective.weights(good, bad)
        scene.tell("weights", desirable=self.weights[0], undesirable=self.weights[1])
        self._shift = self._good = self._bad = 0.0

    def survey(self, batches: Sequence[Batch]) -> None:
        """z, and how much good and bad answers weigh in the step."""
        moved = self._good = self._bad = 0.0
        with torch.no_grad():
            for batch in batches:
                good = float((batch.weights * batch.labels).sum())
                self._good += good
                self._bad += float(batch.weights.sum()) - good
                moved += float((self._ratio(batch, FOREIGN) * batch.weights).sum())
        self._shift = max(0.0, moved / (self._good + self._bad))

    def loss(self, batch: Batch) -> Loss:
        good, weights = batch.labels > 0.5, batch.weights
        ratio = self._ratio(batch, OWN)
        losses = self.objective.compare(ratio, self._shift, good, self.weights) * weights
        weight = float(weights.sum())
        metrics = self._rewards(self.objective.beta * ratio.detach() * weights, good) | {"kl": self._shift * weight}
        by_example = torch.stack((losses.detach(), weights), 1) if len(batch.examples.groups) > 1 else None
        return Loss(losses.sum(), weight, metrics, by_example)

    def _ratio(self, batch: Batch, side: int) -> torch.Tensor:
        """[E] log-ratios of the answers under their own prompts, or under the foreign ones."""
        own = log_probabilities(self.lm, one_side(batch, side)).squeeze(1)
        return own - self.references.of(batch)[:, side]

    def _rewards(self, rewards: torch.Tensor, good: torch.Tensor) -> dict[str, float]:
        """The mean reward of each kind in the step; the figures are divided by the weight of all, so each is raised by
        the part that its kind is of that."""
        whole, found = self._good + self._bad, {}
        if self._good:
            found["good_reward"] = float(rewards[good].sum()) * whole / self._good
        if self._bad:
            found["bad_reward"] = float(rewards[~good].sum()) * whole / self._bad
        if len(found) == 2:
            found["reward_gap"] = found["good_reward"] - found["bad_reward"]
        return found


def one_side(batch: Batch, side: int) -> Batch:
    """The same examples with one of their sequences alone."""
    packed = batch.packed
    mine = np.arange(len(packed.lengths)) % batch.sides == side
    rows = torch.from_numpy(np.repeat(mine, packed.lengths)).to(packed.ids.device)
    lengths = [length for length, kept in zip(packed.lengths, mine, strict=True) if kept]
    tensors = (packed.ids, packed.positions, packed.targets, packed.weights)
    ids, positions, targets, weights = (tensor[rows] for tensor in tensors)
    return replace(batch, packed=Packed(ids, lengths, positions, targets, weights), sides=1)
