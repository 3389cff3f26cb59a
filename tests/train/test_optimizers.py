"""The optimizers' arithmetic: against public ones, and by what they promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from tuneloop.train.flat import Flat
from tuneloop.train.optimizer import Weight, optimizers
from tuneloop.train.optimizers.adamw import AdamW, update_fused, update_plainly
from tuneloop.train.optimizers.muon import Muon, orthogonalize


def parameters(dtype: torch.dtype = torch.float32) -> list[Weight]:
    generator = torch.Generator().manual_seed(1)
    shapes = {"layers.0.qkv": (12, 8), "layers.0.norm": (8,), "embed": (20, 8)}
    return [
        Weight(name, Parameter(torch.randn(shape, generator=generator).to(dtype)), "layers" in name, pieces)
        for (name, shape), pieces in zip(shapes.items(), [(8, 2, 2), (8,), (20,)], strict=True)
    ]


def gradients(step: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return {weight.name: torch.randn(weight.parameter.shape, generator=generator) for weight in parameters()}


def run(optimizer: Any, weights: list[Weight], steps: int = 5, decay: float = 0.1) -> dict[str, torch.Tensor]:
    updater = optimizer.build(weights, 0.01, decay)
    for step in range(steps):
        for weight in weights:
            (weight.parameter * gradients(step)[weight.name].to(weight.parameter.dtype)).sum().backward()
        updater.step(0.5, divide=2.0)
    return {name: tensor.clone() for name, tensor in updater.masters().items()}


def test_adamw_equals_torch() -> None:
    ours = run(AdamW(), parameters())
    theirs = {weight.name: weight.parameter for weight in parameters()}
    decayed = [tensor for tensor in theirs.values() if tensor.dim() > 1]
    plain = [tensor for tensor in theirs.values() if tensor.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=0.005)
    for step in range(5):
        for name, tensor in theirs.items():
            tensor.grad = gradients(step)[name] / 2
        reference.step()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor.detach(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_fused_kernel_equals_the_public_operations(decay: float) -> None:
    def after(update: Callable[..., None]) -> torch.Tensor:
        weight, mean, square = torch.linspace(-1, 1, 50), torch.zeros(50), torch.zeros(50)
        count = torch.zeros(())
        for step in range(20):
            count += 1
            grad = torch.sin(torch.arange(50) * (step + 1.0))
            update(weight, grad, mean, square, count, AdamW(), 0.01, decay)
        return weight

    torch.testing.assert_close(after(update_fused), after(update_plainly), rtol=1e-6, atol=1e-7)


def test_a_torch_without_the_fused_kernel_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = run(AdamW(), parameters())
    monkeypatch.delattr(torch, "_fused_adamw_")
    plain = run(AdamW(), parameters())
    for name, tensor in fused.items():
        torch.testing.assert_close(plain[name], tensor, rtol=1e-6, atol=1e-7)


def test_muon_moves_each_stacked_matrix_by_an_orthogonal_step() -> None:
    weights = parameters()
    before = weights[0].parameter.detach().clone()
    after = run(Muon(matrix_rate=0.02), weights, steps=1, decay=0.0)["layers.0.qkv"]
    for moved, rows in zip((after - before).split([8, 2, 2]), [8, 2, 2], strict=True):
        singular = torch.linalg.svdvals(moved / (0.02 * 0.5))
        assert len(singular) == rows
        assert ((singular > 0.6) & (singular < 1.3)).all()


def test_muon_leaves_embeddings_and_norms_to_adamw() -> None:
    muon = run(Muon(beta2=0.999), parameters())
    adamw = run(AdamW(), parameters())
    for name in ("layers.0.norm", "embed"):
        assert torch.equal(muon[name], adamw[name])
    assert not torch.equal(muon["layers.0.qkv"], adamw["layers.0.qkv"])


@pytest.mark.parametrize("shape", [(6, 6), (20, 5), (5, 20)])
def test_orthogonalize(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.linalg.svdvals(orthogonalize(matrix, 5)).sub(1).abs().max() < 0.35
    cosine = torch.nn.functional.cosine_similarity(orthogonalize(matrix, 5).flatten(), (u @ v).flatten(), dim=0)
    assert cosine > 0.95


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_moments_and_masters_are_everything(name: str) -> None:
    """An updater that gets another one's tensors goes on exactly as that one would."""
    optimizer = optimizers.create(name)
    one, two = parameters(), parameters()
    first, second = optimizer.build(one, 0.01, 0.1), optimizer.build(two, 0.01, 0.1)

    def step(updater: Any, weights: list[Weight], number: int) -> None:
        for weight in weights:
            (weight.parameter * gradients(number)[weight.name]).sum().backward()
        updater.step(1.0, divide=1.0)

    for number in range(3):
        step(first, one, number)
    second.load_masters({name: tensor.clone() for name, tensor in first.masters().items()})
    second.load_moments({name: tensor.clone() for name, tensor in first.moments().items()})
    for number in range(3, 6):
        step(first, one, number)
        step(second, two, number)
    for mine, yours in zip(one, two, strict=True):
        assert torch.equal(mine.parameter, yours.parameter)


def test_half_precision_weights_have_float32_masters_and_sums() -> None:
    weights = parameters(torch.bfloat16)
    flat = Flat([(weight.name, weight.parameter) for weight in weights])
    for _ in range(256):  # in bfloat16 a sum of ones stops at 256 already, in float32 it goes on
        (weights[2].parameter.sum() * 1.0).backward()
    (weights[2].parameter.sum() * 1.0).backward()
    assert flat.view(flat.grad, "embed").unique().tolist() == [257.0]
    flat.master += 1e-4  # too small a step for bfloat16 alone
    flat.publish()
    assert flat.master.dtype == torch.float32
    assert weights[2].parameter.dtype == torch.bfloat16
    torch.testing.assert_close(flat.view(flat.master, "embed").bfloat16(), weights[2].parameter.detach())


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_rate_of_its_own(name: str) -> None:
    """Weight after weight a step three times as long."""
    optimizer = optimizers.create(name)
    start = {weight.name: weight.parameter.detach().clone() for weight in parameters()}
    moved = run(optimizer, parameters(), steps=1, decay=0.0)
    faster = run(optimizer, [weight._replace(rate=3.0) for weight in parameters()], steps=1, decay=0.0)
    for key, before in start.items():
        torch.testing.assert_close(faster[key] - before, 3 * (moved[key] - before), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_resting_weights_stay_and_begin_as_if_it_were_the_first_step(name: str) -> None:
    optimizer = optimizers.create(name)
    weights = [weight._replace(stage=number) for number, weight in enumerate(parameters())]
    updater = optimizer.build(weights, 0.01, 0.1)
    start = {weight.name: weight.parameter.detach().clone() for weight in weights}

    def step(number: int) -> None:
        for weight in weights:
            if weight.parameter.requires_grad:
                (weight.parameter * gradients(number)[weight.name]).sum().backward()
        updater.step(1.0, divide=1.0)

    for weight in weights[:-1]:
        weight.parameter.requires_grad = False
    for number in range(3):
        step(number)
    for weight in weights:
        assert torch.equal(weight.parameter, start[weight.name]) == (weight is not weights[-1])
    for weight in weights[:-1]:
        weight.parameter.requires_grad = True
    step(3)
    fresh = parameters()
    other = optimizer.build(fresh, 0.01, 0.1)
    for weight in fresh:
        (weight.parameter * gradients(3)[weight.name]).sum().backward()
    other.step(1.0, divide=1.0)
    for weight, first in zip(weights[:-1], fresh, strict=False):
        torch.testing.assert_close(weight.parameter, first.parameter)
