"""The gated activation of the MLP: `act(gate) * up`, with gate and up side by side in one matrix.

SwiGLU and GeGLU are from arXiv 2002.05202; `gelu_tanh` is the tanh approximation of GELU.
`_swiglu` and `_SwiGLU.backward` hold the twin of gate.c.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled


def gated(gate_up: torch.Tensor, activation: str) -> torch.Tensor:
    """[T, 2W] (gate first) → [T, W]."""
    function = _GeGLU if activation == "gelu_tanh" else _SwiGLU
    if not torch.is_grad_enabled():  # without autograd's bookkeeping
        return _geglu(gate_up) if activation == "gelu_tanh" else _swiglu(gate_up)
    return function.apply(gate_up)  # type: ignore[no-any-return, no-untyped-call]


def _swiglu(gate_up: torch.Tensor) -> torch.Tensor:
    run = compiled.kernel("swiglu_forward", gate_up)
    if run is None:
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate).mul_(up)
    rows, width = gate_up.shape[0], gate_up.shape[1] // 2
    out = gate_up.new_empty(rows, width)
    run(compiled.at(gate_up), compiled.at(out), *compiled.longs(rows, width), compiled.threads(gate_up.numel()))
    return out


def _geglu(gate_up: torch.Tensor) -> torch.Tensor:
    gate, up = gate_up.chunk(2, -1)
    return F.gelu(gate, approximate="tanh").mul_(up)


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate_up)
        return _swiglu(gate_up)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (gate_up,) = ctx.saved_tensors
        out = torch.empty_like(gate_up)
        run = compiled.kernel("swiglu_backward", gate_up)
        if run is not None:
            grad = grad.contiguous()
            tensors = map(compiled.at, (gate_up, grad, out))
            run(*tensors, *compiled.longs(len(grad), grad.shape[1]), compiled.threads(gate_up.numel()))
            return out
        gate, up = gate_up.chunk(2, -1)
        out_gate, out_up = out.chunk(2, -1)
        sigmoid = torch.sigmoid(gate)
        silu = sigmoid * gate
        torch.mul(grad, silu, out=out_up)
        # d silu = sigmoid + silu * (1 - sigmoid)
        slope = torch.addcmul(sigmoid, silu, 1 - sigmoid)
        torch.mul(slope.mul_(up), grad, out=out_gate)
        return out


class _GeGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gate_up)
        return _geglu(gate_up)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (gate_up,) = ctx.saved_tensors
        gate, up = (half.float() for half in gate_up.chunk(2, -1))
        root = math.sqrt(2 / math.pi)
        tanh = torch.tanh(root * (gate + 0.044715 * gate.pow(3)))
        slope = 0.5 * (1 + tanh) + 0.5 * gate * (1 - tanh.square()) * root * (1 + 0.134145 * gate.square())
        wide = grad.float()
        out = torch.cat((wide * up * slope, wide * 0.5 * gate * (1 + tanh)), -1)
        return out.to(gate_up.dtype)
