"""The model that a run starts from, at any time of the run: without a second model in memory.

Where the adapter began untrained, the starting model is the one without it.  Else the weights that move are kept as
they were at the start, and changed places with for as long as the starting model is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.train.learner import Scene


class StartingModel:
    """Made before the first step, and before a checkpoint is read.

    Memory: nothing for a fresh adapter; a copy of a trained adapter, or of all weights in full tuning.
    """

    def __init__(self, scene: Scene) -> None:
        self.lm = scene.lm
        self.bare = scene.lm.adapter is not None and scene.fresh
        self.kept: list[tuple[Parameter, torch.Tensor]] = []
        if not self.bare:
            adapter = scene.lm.adapter
            moving = scene.lm.module.parameters() if adapter is None else adapter.parameters()
            self.kept = [(weight, weight.detach().clone()) for weight in moving]

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Inside, the model is the starting one."""
        adapter = self.lm.adapter
        if self.bare and adapter is not None:
            self.lm.detach()
        held = [weight.detach().clone() for weight, _ in self.kept]
        _put([(weight, start) for weight, start in self.kept])
        try:
            yield
        finally:
            _put([(weight, now) for (weight, _), now in zip(self.kept, held, strict=True)])
            if self.bare and adapter is not None:
                self.lm.attach(adapter)


@torch.no_grad()
def _put(values: list[tuple[Parameter, torch.Tensor]]) -> None:
    for weight, value in values:
        weight.copy_(value)
