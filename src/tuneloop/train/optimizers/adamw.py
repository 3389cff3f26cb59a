"""AdamW (Loshchilov & Hutter, 2019) over flat rows.

Weight decay touches matrices only; vectors (norms, biases) are left alone.  On torch versions that have it, the fused
kernel does the whole update in one pass over memory; `update_plainly` is the same formula in public operations, and a
test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.train.optimizer import Optimizer, Updater, Weight, resting
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.train.flat import Flat


class AdamW(Optimizer):
    """The usual settings; the learning rate and the decay are the recipe's."""

    title: ClassVar[Words] = Words("AdamW", "AdamW")
    help: ClassVar[Words] = Words(
        "Adam with decoupled weight decay: the usual choice for fine-tuning.",
        "带解耦权重衰减的 Adam：微调的常规选择。",
    )

    beta1: float = setting(0.9, ge=0, lt=1, en="memory of the gradient's mean", zh="梯度均值的记忆系数")
    beta2: float = setting(0.999, ge=0, lt=1, en="memory of the gradient's square", zh="梯度平方的记忆系数")
    epsilon: float = setting(1e-8, gt=0, en="added to the root of the mean square", zh="加在均方根上的小量")

    def build(self, weights: list[Weight], learning_rate: float, weight_decay: float) -> Updater:
        return _AdamWUpdater(self, weights, learning_rate, weight_decay)


class _AdamWUpdater(Updater):
    """One flat row per (dtype, decayed or not, rate, stage), each with its two moments and a step counter."""

    def __init__(self, settings: AdamW, weights: list[Weight], learning_rate: float, weight_decay: float) -> None:
        import torch

        from tuneloop.train.flat import Flat

        self.settings = settings
        groups: dict[tuple[str, bool, float, int], list[Weight]] = {}
        for weight in weights:
            decayed = weight_decay > 0 and weight.parameter.dim() > 1
            key = (str(weight.parameter.dtype), decayed, weight.rate, weight.stage)
            groups.setdefault(key, []).append(weight)
        self.rows: list[Flat] = []
        self.decays: list[float] = []
        self.rates: list[float] = []
        for (_, decayed, rate, _), members in groups.items():
            self.rows.append(Flat([(weight.name, weight.parameter) for weight in members]))
            self.decays.append(weight_decay if decayed else 0.0)
            self.rates.append(learning_rate * rate)
        self.means = [torch.zeros_like(row.master) for row in self.rows]
        self.squares = [torch.zeros_like(row.master) for row in self.rows]
        self.steps = [torch.zeros((), device=row.master.device) for row in self.rows]

    def norm(self) -> float:
        import torch

        norms = [torch.linalg.vector_norm(row.grad) for row in self.rows]
        return float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0

    def step(self, factor: float, divide: float) -> None:
        import torch

        update = update_fused if hasattr(torch, "_fused_adamw_") else update_plainly
        for row, mean, square, count, rate, decay in zip(
            self.rows, self.means, self.squares, self.steps, self.rates, self.decays, strict=True
        ):
            if resting(row.named):
                continue
            count += 1
            row.grad.div_(divide)
            update(row.master, row.grad, mean, square, count, self.settings, rate * factor, decay)
            row.grad.zero_()
            row.publish()

    def masters(self) -> dict[str, Tensor]:
        return {name: tensor for row in self.rows for name, tensor in row.masters().items()}

    def load_masters(self, tensors: dict[str, Tensor]) -> None:
        for row in self.rows:
            row.load(tensors)

    def moments(self) -> dict[str, Tensor]:
        kept: dict[str, Tensor] = {}
        for index, (mean, square, count) in enumerate(zip(self.means, self.squares, self.steps, strict=True)):
            kept |= {f"adamw.{index}.mean": mean, f"adamw.{index}.square": square, f"adamw.{index}.step": count}
        return kept

    def load_moments(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self.moments().items():
            tensor.copy_(tensors[name])


def update_plainly(
    weight: Tensor, grad: Tensor, mean: Tensor, square: Tensor, step: Tensor, settings: AdamW, rate: float, decay: float
) -> None:
    """One step in place: w ← w(1 - rate·decay) - rate · (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε)."""
    count = float(step)
    mean.lerp_(grad, 1 - settings.beta1)
    square.mul_(settings.beta2).addcmul_(grad, grad, value=1 - settings.beta2)
    root = square.sqrt().div_((1 - settings.beta2**count) ** 0.5).add_(settings.epsilon)
    weight.mul_(1 - rate * decay).addcdiv_(mean, root, value=-rate / (1 - settings.beta1**count))


def update_fused(
    weight: Tensor, grad: Tensor, mean: Tensor, square: Tensor, step: Tensor, settings: AdamW, rate: float, decay: float
) -> None:
    """The same step by torch's fused kernel, which is private to torch and may vanish."""
    import torch

    torch._fused_adamw_(
        [weight], [grad], [mean], [square], [], [step],
        lr=rate, beta1=settings.beta1, beta2=settings.beta2, weight_decay=decay, eps=settings.epsilon,
        amsgrad=False, maximize=False,
    )  # fmt: skip
