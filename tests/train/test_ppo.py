"""Proximal policy optimization: the papers' formulas on small tensors, and that the reward rises."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tuneloop.train import policy
from tuneloop.train.fit import accumulate
from tuneloop.train.tuners.lora import Lora

from .arena import arena


def test_advantages_are_the_closed_sum() -> None:
    """A_t = sum over l of (gamma lambda)^l delta_{t+l}: equation 16 of arXiv 1506.02438."""
    torch.manual_seed(0)
    lengths = torch.tensor([3, 1, 5])
    rewards, values = torch.randn(2, 9)
    for gamma, lam in ((1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (1.0, 0.0)):
        found = policy.advantages_of(rewards, values, lengths, gamma, lam)
        expected: list[float] = []
        for r, v in zip(rewards.split([3, 1, 5]), values.split([3, 1, 5]), strict=True):
            following = torch.cat((v[1:], torch.zeros(1)))
            delta = r + gamma * following - v
            expected += [
                sum((gamma * lam) ** step * float(one) for step, one in enumerate(delta[place:]))
                for place in range(len(r))
            ]
        assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_value_losses_take_the_worse_of_moved_and_clipped() -> None:
    now = torch.tensor([1.0, 0.1, -1.0], requires_grad=True)
    losses = policy.value_losses(now, torch.zeros(3), torch.tensor([2.0, 2.0, -0.1]), 0.2)
    # at 1.0 the clipped 0.2 is the farther from 2.0; 0.1 is within the range; -1.0 is farther from -0.1 than -0.2
    assert losses.tolist() == pytest.approx([0.5 * 1.8**2, 0.5 * 1.9**2, 0.5 * 0.9**2])
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert now.grad is not None
    assert now.grad.tolist() == pytest.approx([0.0, -1.9, -0.9])


def test_whitened_and_adapted() -> None:
    found = policy.whitened(torch.tensor([1.0, 2.0, 6.0]))
    assert float(found.mean()) == pytest.approx(0, abs=1e-6)
    assert float(found.square().mean()) == pytest.approx(1, abs=1e-5)
    assert policy.whitened(torch.full((4,), 3.0)).tolist() == [0.0] * 4
    assert policy.adapted(0.1, 12.0, 6.0) == pytest.approx(0.102)  # at most 20 % too far counts
    assert policy.adapted(0.1, 6.6, 6.0) == pytest.approx(0.101)
    assert policy.adapted(0.1, 1.0, 6.0) == pytest.approx(0.098)


def test_a_step_has_the_loss_of_the_formula(base: Path, tmp_path: Path) -> None:
    spec = {"name": "ppo", "samples": 2, "epochs": 3, "minibatches": 1, "penalty": 0.2, "value_weight": 0.3}
    made = arena(base, tmp_path, spec, rate=1e-2, tuner=Lora(rank=4, alpha=8), steps=9)
    made.run(5)  # in the second round, at its third step: policy, value and reference all differ
    batches = made.learner.micro_batches(5)
    loss, weight, _, told = accumulate(made.learner, batches)
    rollouts, examples, learner = made.learner.rollouts, made.learner.scene.batches.examples, made.learner
    assert rollouts is not None
    lengths, columns = rollouts.lengths.tolist(), rollouts.columns
    pieces = {name: columns[name].split(lengths) for name in ("old", "values", "returns", "advantages")}
    advantages, losses = [], []
    for row, (number, ids) in enumerate(zip(rollouts.numbers.tolist(), rollouts.ids.split(lengths), strict=True)):
        prompt = examples.ids(number).tolist()
        whole = torch.tensor([*prompt, *ids.tolist()])
        with torch.no_grad():
            now = _log_probabilities(made.lm.logits(whole), ids)
            with learner.start():  # type: ignore[attr-defined]
                reference = _log_probabilities(made.lm.logits(whole), ids)
        rewards = -0.2 * (pieces["old"][row] - reference)
        rewards[-1] += rollouts.rewards[row]
        own = policy.advantages_of(rewards, pieces["values"][row], torch.tensor([len(ids)]), 1.0, 0.95)
        advantages.append(own)
        assert pieces["returns"][row].tolist() == pytest.approx((own + pieces["values"][row]).tolist(), abs=1e-4)
        ratio, gain = (now - pieces["old"][row]).exp(), pieces["advantages"][row]
        losses.append(torch.max(-ratio * gain, -ratio.clamp(0.8, 1.2) * gain))
    every = torch.cat(advantages)
    white = (every - every.mean()) / every.std(correction=0)
    assert torch.cat(pieces["advantages"]).tolist() == pytest.approx(white.tolist(), abs=1e-3)
    assert told["policy_loss"] == pytest.approx(float(torch.cat(losses).mean()), abs=1e-4)
    assert loss / weight == pytest.approx(told["policy_loss"] + 0.3 * told["value_loss"], abs=1e-5)


def _log_probabilities(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return logits[-len(ids) - 1 : -1].log_softmax(-1).gather(1, ids[:, None]).squeeze(1)


def test_each_pass_sees_every_answer_once(base: Path, tmp_path: Path) -> None:
    made = arena(base, tmp_path, {"name": "ppo", "samples": 3, "epochs": 2, "minibatches": 3}, steps=6)
    seen = [
        [row for batch in made.learner.micro_batches(step) for row in batch.columns["rows"].tolist()]
        for step in range(6)
    ]
    first, second = (sorted(row for part in seen[start : start + 3] for row in part) for start in (0, 3))
    assert first == second == list(range(12))
    assert seen[:3] != seen[3:]


def test_the_penalty_adapts_once_a_round(base: Path, tmp_path: Path) -> None:
    spec = {"name": "ppo", "samples": 2, "epochs": 1, "minibatches": 1, "penalty": 0.1, "target": 0.5}
    made = arena(base, tmp_path, spec, steps=2, rate=0.0)
    curves = made.run()
    assert curves["divergence"] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert curves["penalty"] == pytest.approx([0.1, 0.098])


def test_reward_rises_only_where_weights_move(base: Path, tmp_path: Path) -> None:
    spec = {"name": "ppo", "samples": 8, "epochs": 1, "minibatches": 2, "penalty": 0.01, "max_tokens": 2}
    learned = arena(base, tmp_path / "learned", spec, steps=20, batch=8, rate=3e-2).run()
    still = arena(base, tmp_path / "still", spec, steps=10, batch=8, rate=0.0).run()
    assert max(still["reward"]) < 0.3
    assert min(learned["reward"][-4:]) > 0.6
    assert learned["value"][-1] > 0.3  # the head foresees it
