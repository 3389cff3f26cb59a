"""Scores of targets in chunks: values and gradients equal those of all logits at once, promise kept or broken."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled as kernels
from tuneloop.models.kernels import nll
from tuneloop.models.kernels.nll import linear_nll

ROWS, WIDTH, VOCABULARY = 100, 12, 50


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nll, "CHUNK", 10 * VOCABULARY)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hidden = torch.randn(ROWS, WIDTH, requires_grad=True)
    weight = torch.randn(VOCABULARY, WIDTH, requires_grad=True)
    return hidden, weight, torch.randint(0, VOCABULARY, (ROWS,)), torch.rand(ROWS)


def reference(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, cap: float | None) -> torch.Tensor:
    logits = hidden @ weight.t()
    return F.cross_entropy(logits if cap is None else cap * torch.tanh(logits / cap), targets, reduction="none")


@pytest.mark.parametrize("cap", [None, 3.0])
@pytest.mark.parametrize("promise", ["none", "kept", "scaled", "broken", "zeros"])
def test_equals_all_logits_at_once(promise: str, cap: float | None) -> None:
    hidden, weight, targets, weights = inputs()
    ours, theirs = ([x.detach().clone().requires_grad_() for x in (hidden, weight)] for _ in range(2))
    given = {"none": None, "zeros": torch.zeros(ROWS)}.get(promise, weights)
    factors = {"scaled": weights * 0.25, "broken": torch.rand(ROWS) - 0.5}.get(promise, weights)
    nats = linear_nll(*ours, targets, given, cap)
    expected = reference(*theirs, targets, cap)
    torch.testing.assert_close(nats, expected, atol=1e-5, rtol=1e-5)
    (nats * factors).sum().backward()
    (expected * factors).sum().backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cap", [None, 3.0])
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_hits_are_the_targets_that_are_likeliest(compiled: bool, trained: bool, cap: float | None) -> None:
    hidden, weight, targets, weights = inputs()
    likeliest = (hidden @ weight.t()).argmax(1)
    targets[::2] = likeliest[::2]
    hits = torch.zeros(ROWS, dtype=torch.bool)
    with torch.set_grad_enabled(trained), nullcontext() if compiled else kernels.using(None):
        linear_nll(hidden, weight, targets, weights, cap, hits)
    assert hits.equal(targets == likeliest)
    assert not hits.all()


def test_frozen_parts_get_no_gradient() -> None:
    hidden, weight, targets, weights = inputs()
    (linear_nll(hidden, weight.detach(), targets, weights) * weights).sum().backward()
    assert hidden.grad is not None
    (linear_nll(hidden.detach(), weight, targets, weights) * weights).sum().backward()
    assert weight.grad is not None


def test_without_gradients_and_without_targets() -> None:
    hidden, weight, targets, _ = inputs()
    with torch.no_grad():
        torch.testing.assert_close(linear_nll(hidden, weight, targets), reference(hidden, weight, targets, None))
        assert linear_nll(hidden[:0], weight, targets[:0]).shape == (0,)
    nothing = linear_nll(hidden[:0], weight, targets[:0])
    nothing.sum().backward()
    assert hidden.grad is not None
    assert not hidden.grad.any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(dtype: torch.dtype) -> None:
    hidden, weight, targets, weights = inputs()
    halves = [x.detach().to(dtype).requires_grad_() for x in (hidden, weight)]
    wholes = [x.detach().float().requires_grad_() for x in halves]
    (linear_nll(*halves, targets, weights) * weights).sum().backward()
    (reference(*wholes, targets, None) * weights).sum().backward()
    for one, other in zip(halves, wholes, strict=True):
        assert one.grad.dtype == dtype  # type: ignore[union-attr]
        scale = other.grad.abs().max()  # type: ignore[union-attr]
        assert (one.grad.float() - other.grad).abs().max() <= 0.03 * scale  # type: ignore[union-attr, operator]
