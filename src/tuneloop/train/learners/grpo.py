"""Group-relative policy optimization at work: advantages once a round, then clipped ratios at each token."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneloop.train import policy
from tuneloop.train.batches import Batch
from tuneloop.train.learner import Scene
from tuneloop.train.learners.rounds import Rounds
from tuneloop.train.next_token import summed_by
from tuneloop.train.objective import Loss
from tuneloop.train.objectives.grpo import GroupRelativePolicy
from tuneloop.train.rollouts import Rollouts
from tuneloop.train.starting import StartingModel


class GrpoLearner(Rounds):
    """Answers that are used once need no second pass for the old policy: it is the one that is trained."""

    objective: GroupRelativePolicy

    def __init__(self, objective: GroupRelativePolicy, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.start = StartingModel(scene) if objective.beta else None
        self._answers_per_token = 1.0

    def prepare(self, rollouts: Rollouts) -> dict[str, float]:
        objective, source = self.objective, self.scene.batches
        rollouts.columns["advantages"] = policy.relative(rollouts.rewards, objective.samples, objective.scale_rewards)
        if objective.reuse > 1:
            rollouts.fill(["old"], source, self._log_probabilities)
        if self.start is not None:
            with self.start():
                rollouts.fill(["reference"], source, self._log_probabilities)
        groups = rollouts.rewards.view(-1, objective.samples)
        return {"reward_deviation": float(groups.std(1).mean())}

    def _log_probabilities(self, batch: Batch) -> Sequence[torch.Tensor]:
        return [-self.lm.scored(batch.packed, self.objective.temperature)[0]]

    def survey(self, batches: Sequence[Batch]) -> None:
        answers = sum(float(batch.weights.sum()) for batch in batches)
        tokens = sum(float(batch.packed.target_weights.sum()) for batch in batches)
        self._answers_per_token = answers / tokens if tokens else 0.0

    def loss(self, batch: Batch) -> Loss:
        assert self.rollouts is not None
        objective, rollouts, weights = self.objective, self.rollouts, batch.packed.target_weights
        now = -self.lm.scored(batch.packed, objective.temperature)[0]
        old = rollouts.at("old", batch) if objective.reuse > 1 else now.detach()
        ratio = (now - old).exp()
        high = objective.epsilon if objective.epsilon_high is None else objective.epsilon_high
        losses, cut = policy.clipped(ratio, rollouts.at("advantages", batch), objective.epsilon, high)
        sums = {"entropy": -now, "clipped": cut}
        if self.start is not None:
            away = policy.divergence(now, rollouts.at("reference", batch))
            losses = losses + objective.beta * (away * ratio if objective.corrected_divergence else away)
            sums["divergence"] = away
        totals = summed_by(batch, losses * weights, weights)
        per_example, scale = self._shares(batch, totals)
        weight = float(per_example[:, 1].sum().detach())
        told = {name: (value * weights).sum() * scale for name, value in sums.items()}
        by_example = per_example.detach() if len(batch.examples.groups) > 1 else None
        return Loss(per_example[:, 0].sum(), weight, self.told(weight, **told), by_example)

    def _shares(self, batch: Batch, totals: torch.Tensor) -> tuple[torch.Tensor, float]:
        """[E, 2] each answer's part of loss and weight, from its sums over tokens; and what turns a sum over tokens
        into the step's unit of weight."""
        if self.objective.loss_type == "dapo":
            return totals, 1.0
        if self.objective.loss_type == "grpo":
            counts = torch.bincount(batch.packed.owners, minlength=len(batch)).float()
            return torch.stack((totals[:, 0] / counts, batch.weights), 1), self._answers_per_token
        return torch.stack((totals[:, 0] / self.objective.max_tokens, batch.weights), 1), self._answers_per_token
