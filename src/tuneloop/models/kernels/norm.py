"""RMSNorm (arXiv 1910.07467), alone and fused with the residual addition before it.

Arithmetic is float32 whatever the tensors are.  `offset` is added to the weight (Gemma stores `w - 1`).
`normalize` and `backward` are the twin of norm.c.
"""

from __future__ import annotations

import math
from ctypes import c_float
from typing import Any

import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float, offset: float = 0.0) -> torch.Tensor:
    """`x / rms(x) * (weight + offset)` over the last axis of [..., width]."""
    if not torch.is_grad_enabled():
        return _bare(x, None, weight, eps, offset)[1]
    return _Norm.apply(x, weight, eps, offset)  # type: ignore[no-any-return, no-untyped-call]


def add_norm(
    x: torch.Tensor, delta: torch.Tensor, weight: torch.Tensor, eps: float, offset: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum `x + delta` and its norm: one step forward and one back where two would keep two more tensors."""
    if not torch.is_grad_enabled():
        return _bare(x, delta, weight, eps, offset)
    return _AddNorm.apply(x, delta, weight, eps, offset)  # type: ignore[no-any-return, no-untyped-call]


def _bare(
    x: torch.Tensor, delta: torch.Tensor | None, weight: torch.Tensor, eps: float, offset: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum and its norm where nobody asks for gradients: without autograd's bookkeeping, and in one call of torch
    where that computes in float32 anyway."""
    if x.dtype != torch.float32 or weight.dtype != torch.float32 or compiled.kernel("norm_forward", x, delta, weight):
        total, out, _ = _forward(x, delta, weight, eps, offset)
        return total, out
    total = x if delta is None else x + delta
    width = total.shape[-1]
    scale = weight + offset if offset else weight
    if total.numel() != width or total.device.type != "cpu":
        return total, F.rms_norm(total, (width,), scale, eps)
    # The one row of a step: torch's norm is eight operations, this is four, and each waits for memory that the weights
    # have just pushed out of the caches (134 against 85 us in a step of 27 M parameters).
    length = float(torch.linalg.vector_norm(total))
    return total, (total / math.sqrt(length * length / width + eps)).mul_(scale)


def normalize(x: torch.Tensor, weight: torch.Tensor, eps: float, offset: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The norm in x's dtype, and 1/rms [..., 1] in float32."""
    wide = x.float()
    # vector_norm reads once and keeps no squares
    inverse = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    scale = weight.float() + offset if offset else weight.float()
    return (wide * inverse).mul_(scale).to(x.dtype), inverse


def backward(
    grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, inverse: torch.Tensor, offset: float, *, for_weight: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradients for x [T, …, width] (in float32) and, where wanted, for the weight (in its own shape and dtype)."""
    wide, grad = x.float(), grad.float()
    grad_weight = None
    if for_weight:
        grad_weight = (grad * wide).mul_(inverse).sum(0).to(weight.dtype)
    through = grad * (weight.float() + offset if offset else weight.float())
    along = (through * wide).sum(-1, keepdim=True).mul_(inverse.pow(3)).div_(x.shape[-1])
    return through.mul_(inverse).addcmul_(wide, along, value=-1), grad_weight


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float, offset: float) -> torch.Tensor:
        _, out, inverse = _forward(x, None, weight, eps, offset)
        ctx.save_for_backward(x, weight, inverse)
        ctx.offset = offset
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        x, weight, inverse = ctx.saved_tensors
        dx, dw = _backward(grad, None, x, weight, inverse, ctx.offset, for_weight=ctx.needs_input_grad[1])
        return dx, dw, None, None


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, delta: torch.Tensor, weight: torch.Tensor, eps: float, offset: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        total, out, inverse = _forward(x, delta, weight, eps, offset)
        ctx.save_for_backward(total, weight, inverse)
        ctx.offset = offset
        return total, out

    @staticmethod
    def backward(ctx: Any, grad_total: torch.Tensor, grad: torch.Tensor) -> Any:
        total, weight, inverse = ctx.saved_tensors
        dx, dw = _backward(grad, grad_total, total, weight, inverse, ctx.offset, for_weight=ctx.needs_input_grad[2])
        return dx, dx, dw, None, None


def _forward(
    x: torch.Tensor, delta: torch.Tensor | None, weight: torch.Tensor, eps: float, offset: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The sum, its norm, and 1/rms [..., 1]."""
    run = compiled.kernel("norm_forward", x, delta, weight)
    if run is None:
        total = x if delta is None else x + delta
        return total, *normalize(total, weight, eps, offset)
    total, out = x if delta is None else torch.empty_like(x), torch.empty_like(x)
    width = x.shape[-1]
    inverse = torch.empty(*x.shape[:-1], 1)
    sizes = compiled.longs(x.numel() // width, width)
    tensors = map(compiled.at, (x, delta, weight, total, out, inverse))
    run(*tensors, *sizes, c_float(eps), c_float(offset), compiled.threads(x.numel()))
    return total, out, inverse


def _backward(
    grad: torch.Tensor,
    grad_total: torch.Tensor | None,
    total: torch.Tensor,
    weight: torch.Tensor,
    inverse: torch.Tensor,
    offset: float,
    *,
    for_weight: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradients for the sum, what comes along the residual stream included, and for the weight."""
    run = compiled.kernel("norm_backward", total, weight)
    if run is None:
        dx, dw = backward(grad, total, weight, inverse, offset, for_weight=for_weight)
        return (dx if grad_total is None else dx.add_(grad_total)).to(total.dtype), dw
    grad, grad_total = grad.contiguous(), None if grad_total is None else grad_total.contiguous()
    dx, width = torch.empty_like(total), total.shape[-1]
    parts = torch.zeros(compiled.CHUNKS, width) if for_weight else None
    sizes = compiled.longs(compiled.CHUNKS, total.numel() // width, width)
    tensors = map(compiled.at, (grad, grad_total, total, weight, inverse, dx, parts))
    run(*tensors, *sizes, c_float(offset), compiled.threads(total.numel()))
    return dx, None if parts is None else parts.sum(0).to(weight.dtype)
