"""Trainable parameters as one flat row: float32 masters, summed gradients, and a working copy in the compute dtype.

An optimizer then runs over one long tensor instead of hundreds of short ones, one norm covers all gradients, and a
checkpoint is a few tensors.  Layout, for parameters w1, w2, … of together N elements:

    master  float32 [N]   what the optimizer moves
    grad    float32 [N]   gradients summed over the micro-batches of a step, whatever dtype they were made in
    working dtype   [N]   what the model multiplies with; the master itself where the model computes in float32

The parameters keep their identity: only their storage moves, into slices of `working`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

Named = Sequence[tuple[str, "Parameter"]]


class Flat:
    """The flat row of `named` parameters, which must be of one dtype and on one device."""

    def __init__(self, named: Named) -> None:
        first = named[0][1]
        self.named = list(named)
        size = sum(parameter.numel() for _, parameter in named)
        self.master = torch.empty(size, dtype=torch.float32, device=first.device)
        self.grad = torch.zeros(size, dtype=torch.float32, device=first.device)
        self.working = self.master if first.dtype == torch.float32 else torch.empty_like(self.master, dtype=first.dtype)
        self._slices: dict[str, slice] = {}
        self._shapes = {name: parameter.shape for name, parameter in named}
        start = 0
        for name, parameter in named:
            self._slices[name] = part = slice(start, start + parameter.numel())
            self.master[part].copy_(parameter.detach().reshape(-1))
            parameter.data = self.working[part].view(parameter.shape)
            start = part.stop
            self._collect(parameter, self.grad[part].view(parameter.shape))
        self.publish()

    def _collect(self, parameter: Parameter, total: Tensor) -> None:
        """Have backward add this parameter's gradients to `total`, in float32."""
        if parameter.dtype == torch.float32:
            parameter.grad = total  # backward adds in place to a gradient that is there
            return

        def add(done: Tensor) -> None:
            if done.grad is not None:
                total.add_(done.grad)
            done.grad = None

        parameter.register_post_accumulate_grad_hook(add)  # type: ignore[no-untyped-call]

    def publish(self) -> None:
        """Round the masters into the working copy; nothing to do where they are one."""
        if self.working is not self.master:
            self.working.copy_(self.master)

    def view(self, row: Tensor, name: str) -> Tensor:
        """The part of a row of N elements that belongs to one parameter, in the parameter's shape."""
        return row[self._slices[name]].view(self._shapes[name])

    def masters(self) -> dict[str, Tensor]:
        return {name: self.view(self.master, name) for name, _ in self.named}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Put masters back, as `masters` gave them."""
        for name, parameter in self.named:
            self.master[self._slices[name]].copy_(tensors[name].reshape(parameter.numel()))
        self.publish()
