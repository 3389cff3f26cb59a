"""A preference objective at work: the answers' log-probabilities, the reference's beside them, the loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneloop.train.batches import Batch
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.next_token import TOKEN_ACCURACY, log_probabilities, no_hits, summed_by
from tuneloop.train.objective import Loss
from tuneloop.train.pairs import Answers, PairObjective, outcome
from tuneloop.train.references import References


class PairLearner(Learner):
    """Cross-entropy of the chosen answers, where the objective wants it, and their token accuracy are means over the
    tokens of the whole step, so that micro-batches do not change them."""

    objective: PairObjective

    def __init__(self, objective: PairObjective, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.references = References(scene) if objective.referenced else None
        self._pairs_per_token = 0.0

    def survey(self, batches: Sequence[Batch]) -> None:
        pairs = sum(float(batch.weights.sum()) for batch in batches)
        tokens = sum(float((_targets(batch)[:, 0] * batch.weights).sum()) for batch in batches)
        self._pairs_per_token = pairs / tokens

    def loss(self, batch: Batch) -> Loss:
        targets, hits = _targets(batch), no_hits(batch)
        policy = _answers(log_probabilities(self.lm, batch, hits), targets)
        reference = None if self.references is None else _answers(self.references.of(batch), targets)
        found = self.objective.compare(policy, reference)
        right = summed_by(batch, hits).view(len(batch), 2)[:, 0] * self._pairs_per_token
        if not self.objective.imitation:
            return outcome(batch, found, **{TOKEN_ACCURACY: right})
        nats = -policy.chosen * self._pairs_per_token
        found = found._replace(losses=found.losses + self.objective.imitation * nats)
        return outcome(batch, found, sft_loss=nats, **{TOKEN_ACCURACY: right})


def _targets(batch: Batch) -> torch.Tensor:
    """[E, 2] float32 target tokens of each sequence."""
    counts = torch.bincount(batch.packed.owners, minlength=len(batch.packed.lengths))
    return counts.float().view(len(batch), 2)


def _answers(sums: torch.Tensor, targets: torch.Tensor) -> Answers:
    return Answers(sums[:, 0], sums[:, 1], targets[:, 0], targets[:, 1])
