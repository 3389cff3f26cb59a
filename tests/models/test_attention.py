"""Attention of packed records equals attention of each record alone, whichever way it is computed."""

from __future__ import annotations

import pytest
import torch

from tuneloop.models.kernels import attention as module
from tuneloop.models.kernels.attention import Plan, attention

LENGTHS = [7, 40, 12, 1, 13, 200, 12]
HEADS, KV_HEADS, SIZE = 6, 2, 8


def naive(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, window: int | None, cap: float | None
) -> torch.Tensor:
    """One record, written as in the papers."""
    repeat = q.shape[1] // k.shape[1]
    scores = torch.einsum("ihd,jhd->hij", q, k.repeat_interleave(repeat, 1)) * scale
    if cap is not None:
        scores = cap * torch.tanh(scores / cap)
    distance = torch.arange(len(q))[:, None] - torch.arange(len(q))
    hidden = (distance < 0) | (distance >= window if window is not None else torch.tensor(False))
    weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
    return torch.einsum("hij,jhd->ihd", weights, v.repeat_interleave(repeat, 1)).flatten(1)


def tensors() -> list[torch.Tensor]:
    torch.manual_seed(0)
    total = sum(LENGTHS)
    return [torch.randn(total, heads, SIZE, requires_grad=True) for heads in (HEADS, KV_HEADS, KV_HEADS)]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("window", "cap"), [(None, None), (5, None), (None, 2.0), (9, 1.5)])
def test_equals_each_record_alone(
    window: int | None, cap: float | None, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_fused_wins", lambda *_: fused)
    plan = Plan.of(LENGTHS)
    assert 1 < len(plan.groups) < len(LENGTHS)  # some go together, some alone
    assert plan.order is not None
    assert plan.back is not None
    ours, theirs = tensors(), tensors()
    out = attention(*(x[plan.order] for x in ours), plan, scale=0.3, window=window, cap=cap)[plan.back]
    pieces = zip(*(x.split(LENGTHS) for x in theirs), strict=True)
    expected = torch.cat([naive(*piece, 0.3, window, cap) for piece in pieces])
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)
    upstream = torch.randn_like(out)
    out.backward(upstream)
    expected.backward(upstream)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_a_plan_keeps_every_token_once() -> None:
    plan = Plan.of(LENGTHS)
    assert plan.order is not None
    assert plan.order.sort().values.tolist() == list(range(sum(LENGTHS)))
    assert sum(group.tokens for group in plan.groups) == sum(LENGTHS)
    assert sum(group.count * group.longest for group in plan.groups) <= module.MOST_FILLING * sum(LENGTHS)


def test_records_that_stand_by_length_are_left_in_place() -> None:
    assert Plan.of([9, 5, 5, 2]).order is None
