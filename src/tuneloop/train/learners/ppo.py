"""Proximal policy optimization at work: values and advantages once a round, then steps on parts of its answers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from tuneloop.models.counting import key
from tuneloop.models.heads import Head
from tuneloop.train import policy
from tuneloop.train.batches import Batch, Numbers
from tuneloop.train.learner import Scene
from tuneloop.train.learners.rounds import Rounds
from tuneloop.train.next_token import summed_by
from tuneloop.train.objective import Loss
from tuneloop.train.objectives.ppo import ProximalPolicy
from tuneloop.train.rollouts import Rollouts
from tuneloop.train.starting import StartingModel


class PpoLearner(Rounds):
    """The reward stands at an answer's last token, the penalty for leaving the starting model at each."""

    objective: ProximalPolicy

    def __init__(self, objective: ProximalPolicy, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.head = Head.new("value", scene.lm.config.hidden, bias=True, seed=scene.recipe.seed, device=scene.lm.device)
        self.start = StartingModel(scene) if objective.penalty else None
        self.penalty = objective.penalty

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        return self.head.named_parameters()

    def groups(self, rollouts: Rollouts) -> list[int]:
        return [0] * len(rollouts)

    def rows(self, inner: int) -> Numbers | None:
        assert self.rollouts is not None
        epoch, part = divmod(inner, self.objective.minibatches)
        order = np.random.default_rng(key(self.scene.recipe.seed, self.turn, epoch)).permutation(len(self.rollouts))
        return np.array_split(order, self.objective.minibatches)[part]

    def prepare(self, rollouts: Rollouts) -> dict[str, float]:
        objective, source = self.objective, self.scene.batches
        rollouts.fill(["old", "values"], source, self._policy)
        columns = rollouts.columns
        away = torch.zeros(len(rollouts.ids))
        if self.start is not None:
            with self.start():
                rollouts.fill(["reference"], source, lambda batch: self._policy(batch)[:1])
            away = columns["old"] - columns.pop("reference")
        rewards = -self.penalty * away
        rewards[rollouts.lengths.cumsum(0) - 1] += rollouts.rewards
        advantages = policy.advantages_of(rewards, columns["values"], rollouts.lengths, objective.gamma, objective.lam)
        columns["returns"] = advantages + columns["values"]
        columns["advantages"] = policy.whitened(advantages) if objective.whiten else advantages
        divergence = float(away.sum()) / len(rollouts)
        told = {"divergence": divergence, "penalty": self.penalty, "value": float(columns["values"].mean())}
        if objective.target is not None:
            self.penalty = policy.adapted(self.penalty, divergence, objective.target)
        return told

    def _policy(self, batch: Batch) -> list[torch.Tensor]:
        """Log-probabilities and values at the batch's targets."""
        nats, hidden = self.lm.scored(batch.packed, self.objective.temperature)
        return [-nats, self.head.scores(hidden).squeeze(1)]

    def loss(self, batch: Batch) -> Loss:
        assert self.rollouts is not None
        objective, weights = self.objective, batch.packed.target_weights
        now, values = self._policy(batch)
        old, known, returns, advantages = (
            self.rollouts.at(name, batch) for name in ("old", "values", "returns", "advantages")
        )
        losses, cut = policy.clipped((now - old).exp(), advantages, objective.epsilon, objective.epsilon)
        errors = policy.value_losses(values, known, returns, objective.value_epsilon)
        totals = summed_by(batch, (losses + objective.value_weight * errors) * weights, weights)
        weight = float(weights.sum())
        sums = {"entropy": -now, "clipped": cut, "value_loss": errors, "policy_loss": losses}
        told = {name: (value * weights).sum() for name, value in sums.items()}
        by_example = totals.detach() if len(batch.examples.groups) > 1 else None
        return Loss(totals[:, 0].sum(), weight, self.told(weight, **told), by_example)

    def tensors(self) -> dict[str, torch.Tensor]:
        return super().tensors() | {"penalty": torch.tensor(self.penalty, dtype=torch.float64)}

    def load_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        super().load_tensors(tensors)
        self.penalty = float(tensors["penalty"])
