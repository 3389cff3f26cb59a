"""The sums of policy-gradient training, as functions of small tensors: no model, no batches.

GRPO: arXiv 2402.03300 (group-relative advantages), 2503.14476 (DAPO: a mean over all tokens), 2503.20783 (Dr. GRPO: no
division by lengths or deviations).  PPO: 1707.06347 (clipped ratios), 1506.02438 (generalized advantages), 1909.08593
(a penalty on leaving the reference, whose weight adapts).
"""

from __future__ import annotations

from typing import Literal

import torch

Scale = Literal["group", "batch", "none"]
SMALL = 1e-4  # added to deviations, as TRL does


def relative(rewards: torch.Tensor, samples: int, scale: Scale) -> torch.Tensor:
    """[A] advantages of answers that stand in groups of `samples`: reward less the group's mean, over a deviation
    (with n - 1) of the group or of the batch, or as it is."""
    groups = rewards.view(-1, samples)
    advantages = groups - groups.mean(1, keepdim=True)
    if scale == "group":
        advantages = advantages / (groups.std(1, keepdim=True) + SMALL)
    elif scale == "batch":
        advantages = advantages / (rewards.std() + SMALL)
    return advantages.flatten()


def clipped(
    ratio: torch.Tensor, advantages: torch.Tensor, low: float, high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """[N] the loss -min(r·A, clip(r, 1 - low, 1 + high)·A), and 1 where clipping took the gradient away."""
    inner = ratio.clamp(1 - low, 1 + high)
    losses = -torch.min(ratio * advantages, inner * advantages)
    cut = ((ratio < 1 - low) & (advantages < 0)) | ((ratio > 1 + high) & (advantages > 0))
    return losses, cut.float()


def divergence(now: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """[N] the estimate k3 of the divergence from the reference at each token: e^d - d - 1 with d = reference - now,
    both log-probabilities; never negative (Schulman, "Approximating KL divergence", 2020)."""
    difference = reference - now
    return difference.exp() - difference - 1


def advantages_of(
    rewards: torch.Tensor, values: torch.Tensor, lengths: torch.Tensor, gamma: float, lam: float
) -> torch.Tensor:
    """[T] generalized advantages of answers that stand end to end.

    d_t = r_t + gamma·V_{t+1} - V_t, A_t = d_t + gamma·lam·A_{t+1}; behind an answer's last token stands nothing.
    """
    count, longest = len(lengths), int(lengths.max())
    mask = torch.arange(longest) < lengths[:, None]
    r, v = torch.zeros(2, count, longest + 1)
    r[:, :-1][mask], v[:, :-1][mask] = rewards, values
    found = torch.zeros(count, longest + 1)
    for place in range(longest - 1, -1, -1):
        delta = r[:, place] + gamma * v[:, place + 1] - v[:, place]
        # places behind an answer's end are all zero, and so is what they hand back
        found[:, place] = (delta + gamma * lam * found[:, place + 1]) * mask[:, place]
    return found[:, :-1][mask]


def whitened(values: torch.Tensor) -> torch.Tensor:
    """Mean 0 and variance 1; a constant becomes 0."""
    return (values - values.mean()) * torch.rsqrt(values.var(correction=0) + 1e-8)


def value_losses(now: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, clip: float) -> torch.Tensor:
    """[N] half the squared error, the larger of the value's own and of the one that keeps within `clip` of the old."""
    near = old + (now - old).clamp(-clip, clip)
    return 0.5 * torch.max((now - returns).square(), (near - returns).square())


def adapted(coefficient: float, divergence: float, target: float) -> float:
    """The penalty's next weight: up where the policy is farther from the reference than wanted, down where nearer, by
    at most 2 % (1909.08593, section 2.2)."""
    return coefficient * (1 + 0.1 * min(0.2, max(-0.2, divergence / target - 1)))
