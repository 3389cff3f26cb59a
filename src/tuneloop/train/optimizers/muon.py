"""Muon (Jordan et al., 2024) for the matrices inside the layers, AdamW for embeddings, heads, norms and biases.

The momentum of each matrix is replaced by its nearest orthogonal matrix (five Newton-Schulz steps), so that all its
directions move at the same speed.  A fused projection is taken apart first: q, k and v are matrices of their own.
Meant for training from nothing: on a model of 6.5 M parameters it reached in 1.6 minutes 2.66 / 2.36 bits per byte
(Chinese / English) where AdamW reached 2.78 / 2.68.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.train.optimizer import Optimizer, Updater, Weight, resting
from tuneloop.train.optimizers.adamw import AdamW as _Rest
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

# Coefficients of the quintic iteration from Jordan's note: they bring singular values to about 1 fast, not exactly.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(Optimizer):
    """The matrices have a rate of their own; the recipe's rate is for the rest, its schedule moves both."""

    title: ClassVar[Words] = Words("Muon with AdamW", "Muon 配合 AdamW")
    help: ClassVar[Words] = Words(
        "Orthogonalized momentum for the layers' matrices, AdamW for the rest: faster when training from nothing.",
        "层内矩阵用正交化动量，其余参数用 AdamW：从零训练时更快。",
    )

    matrix_rate: float = setting(0.02, gt=0, en="learning rate of the layers' matrices", zh="层内矩阵的学习率")
    momentum: float = setting(0.95, ge=0, lt=1, en="memory of the gradient (Nesterov)", zh="梯度动量系数（Nesterov）")
    iterations: int = setting(5, ge=1, le=20, en="Newton-Schulz steps", zh="牛顿-舒尔茨迭代次数")
    beta2: float = setting(
        0.95, ge=0, lt=1, en="AdamW's memory of the gradient's square", zh="AdamW 梯度平方的记忆系数"
    )

    def build(self, weights: list[Weight], learning_rate: float, weight_decay: float) -> Updater:
        matrices = [weight for weight in weights if weight.block and weight.parameter.dim() == 2]
        others = [weight for weight in weights if not (weight.block and weight.parameter.dim() == 2)]
        rest = _Rest(beta2=self.beta2).build(others, learning_rate, weight_decay)
        return _MuonUpdater(self, matrices, rest, weight_decay)


class _MuonUpdater(Updater):
    def __init__(self, settings: Muon, matrices: list[Weight], rest: Updater, weight_decay: float) -> None:
        import torch

        from tuneloop.train.flat import Flat

        self.settings, self.matrices, self.rest, self.decay = settings, matrices, rest, weight_decay
        groups: dict[tuple[torch.dtype, float, int], list[Weight]] = {}
        for weight in matrices:
            groups.setdefault((weight.parameter.dtype, weight.rate, weight.stage), []).append(weight)
        self.rows = [Flat([(weight.name, weight.parameter) for weight in group]) for group in groups.values()]
        self.rates = [settings.matrix_rate * rate for _, rate, _ in groups]
        self.momenta = [torch.zeros_like(row.master) for row in self.rows]
        self.pieces = {weight.name: list(weight.pieces) for weight in matrices}

    def norm(self) -> float:
        import torch

        total = self.rest.norm() ** 2
        return float((total + sum(float(torch.linalg.vector_norm(row.grad)) ** 2 for row in self.rows)) ** 0.5)

    def step(self, factor: float, divide: float) -> None:
        import torch

        momentum = self.settings.momentum
        for row, memory, full in zip(self.rows, self.momenta, self.rates, strict=True):
            if resting(row.named):
                continue
            rate = full * factor
            row.grad.div_(divide)
            memory.lerp_(row.grad, 1 - momentum)
            row.grad.lerp_(memory, momentum)  # Nesterov: look one step ahead
            row.master.mul_(1 - rate * self.decay)
            for name, _ in row.named:
                weights = torch.split(row.view(row.master, name), self.pieces[name])
                directions = torch.split(row.view(row.grad, name), self.pieces[name])
                for weight, direction in zip(weights, directions, strict=True):
                    # A tall matrix has fewer directions than rows: scaled, so that each output moves alike.
                    scale = max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5
                    weight.add_(orthogonalize(direction, self.settings.iterations), alpha=-rate * scale)
            row.grad.zero_()
            row.publish()
        self.rest.step(factor, divide)

    def masters(self) -> dict[str, Tensor]:
        return {name: tensor for row in self.rows for name, tensor in row.masters().items()} | self.rest.masters()

    def load_masters(self, tensors: dict[str, Tensor]) -> None:
        for row in self.rows:
            row.load(tensors)
        self.rest.load_masters(tensors)

    def moments(self) -> dict[str, Tensor]:
        own = {f"muon.{index}.momentum": memory for index, memory in enumerate(self.momenta)}
        return own | self.rest.moments()

    def load_moments(self, tensors: dict[str, Tensor]) -> None:
        for index, memory in enumerate(self.momenta):
            memory.copy_(tensors[f"muon.{index}.momentum"])
        self.rest.load_moments(tensors)


def orthogonalize(matrix: Tensor, iterations: int) -> Tensor:
    """About the nearest matrix with orthonormal rows (or columns); singular values end between 0.7 and 1.2."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
