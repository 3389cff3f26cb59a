"""The optimizer contract: from summed gradients to moved weights.

A member is its settings; `build` gives it parameters and returns an `Updater`, which holds the moments.  Several
updaters may share one run (Muon moves the matrices and leaves the rest to AdamW); the loop sees one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from tuneloop.registry import Member, Registry

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter


class Weight(NamedTuple):
    """One trainable parameter as an optimizer sees it.

    `pieces` are the row counts of the matrices that it holds stacked (fused projections such as q, k, v); one number
    for an ordinary matrix.  `block` is true for a matrix inside a layer, false for embeddings, heads, norms and biases.
    `rate` is a factor on the learning rate.  Weights of one `stage` begin to move in the same step; while they rest
    (`requires_grad` off) an updater leaves them, their moments and their count of steps as they are.
    """

    name: str
    parameter: Parameter
    block: bool
    pieces: tuple[int, ...]
    rate: float = 1.0
    stage: int = 0


def resting(members: Iterable[tuple[str, Parameter]]) -> bool:
    """Whether none of them moves in this step."""
    return not any(parameter.requires_grad for _, parameter in members)


class Updater(ABC):
    """Moves its parameters; owns their float32 masters and their gradient sums."""

    @abstractmethod
    def norm(self) -> float:
        """The 2-norm of all gradients summed since the last `step`."""

    @abstractmethod
    def step(self, factor: float, divide: float) -> None:
        """Move once: `factor` scales the learning rate, `divide` divides the summed gradients; then forget them."""

    @abstractmethod
    def masters(self) -> dict[str, Tensor]:
        """Float32 weights by parameter name: views, which change with the next step."""

    @abstractmethod
    def load_masters(self, tensors: dict[str, Tensor]) -> None:
        """Put weights back."""

    @abstractmethod
    def moments(self) -> dict[str, Tensor]:
        """Everything else that a later step depends on."""

    @abstractmethod
    def load_moments(self, tensors: dict[str, Tensor]) -> None:
        """Put moments back."""


class Optimizer(Member, ABC):
    @abstractmethod
    def build(self, weights: list[Weight], learning_rate: float, weight_decay: float) -> Updater:
        """An updater for these parameters, whose storage moves into its flat rows."""


optimizers: Registry[Optimizer] = Registry("tuneloop.train.optimizers", Optimizer)
