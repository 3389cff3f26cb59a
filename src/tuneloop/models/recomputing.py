"""Activation checkpointing: a function's inner tensors are not kept, but made again when the backward pass asks.

The method is that of `torch.utils.checkpoint` (non-reentrant).  That one reads a setting of torch's compiler and so
loads it: 81 MB and 3 to 5 s at the first call, for nothing that is used here.

Not covered: functions that draw random numbers, and autocast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks


def recomputed(function: Callable[..., Any], *inputs: Any) -> Any:
    """`function(*inputs)`, of which autograd keeps the inputs alone; the backward pass runs it a second time."""
    frame = _Frame(function, inputs)
    with saved_tensors_hooks(frame.leave_out, frame.give):
        return function(*inputs)


class _Enough(Exception):
    """Everything that was left out is there again."""


class _Frame:
    """Numbers what autograd would keep, and finds it by that number in a second run."""

    def __init__(self, function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        self.function, self.inputs = function, inputs
        self.left_out = 0
        self.made: dict[int, torch.Tensor] = {}

    def leave_out(self, tensor: torch.Tensor) -> int:
        self.left_out += 1
        return self.left_out - 1

    def give(self, number: int) -> torch.Tensor:
        if number not in self.made:
            self._run_again()
        return self.made.pop(number)

    def _run_again(self) -> None:
        inputs = [one.detach().requires_grad_(one.requires_grad) if _is_float(one) else one for one in self.inputs]
        self.made, count = {}, 0

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal count
            self.made[count] = tensor.detach()
            count += 1
            if count == self.left_out:
                raise _Enough
            return tensor.detach()

        with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
            try:
                self.function(*inputs)
            except _Enough:
                return


def _is_float(one: Any) -> bool:
    return isinstance(one, torch.Tensor) and one.is_floating_point()
