"""From the fused projection to rotated heads: split, optional norm per head, rotation; one step each way.

Rotation is the half-split form (RoFormer as in Llama): the first half of the rotated part pairs with its second half.
Where `cos` is narrower than half a head, only that first part of each head is rotated (partial rotation).
`_plain_forward` and `_plain_backward` are the twin of heads.c.
"""

from __future__ import annotations

from ctypes import c_float
from functools import partial
from typing import Any, NamedTuple

import torch

from tuneloop.models.kernels import compiled, norm


class Layout(NamedTuple):
    """How the rows of the fused projection are cut: `heads` queries, then `kv_heads` keys, then as many values."""

    heads: int
    kv_heads: int
    size: int
    eps: float
    offset: float = 0.0


def rotated_heads(
    qkv: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, weight: torch.Tensor | None, layout: Layout
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """[T, (H+2K)·D] → queries [T, H, D], keys [T, K, D], values [T, K, D].

    `weight` [H+K, D] norms each query and key head first; None leaves them.
    """
    if not torch.is_grad_enabled():  # without autograd's bookkeeping
        out, _ = _forward(qkv, cos.to(qkv.dtype), sin.to(qkv.dtype), weight, layout)
        return _parted(out, qkv, layout)
    return _Heads.apply(qkv, cos, sin, weight, layout)  # type: ignore[no-any-return, no-untyped-call]


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, out: torch.Tensor) -> None:
    """Turn the pairs of x [T, heads, D] by the angles of cos, sin [T, r] into `out`, which may not be x."""
    half = cos.shape[-1]
    cos, sin = cos[:, None], sin[:, None]
    first, second = x[..., :half], x[..., half : 2 * half]
    torch.mul(first, cos, out=out[..., :half]).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=out[..., half : 2 * half]).addcmul_(first, sin)
    if 2 * half < x.shape[-1]:
        out[..., 2 * half :] = x[..., 2 * half :]


class _Heads(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        qkv: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        weight: torch.Tensor | None,
        layout: Layout,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        cos, sin = cos.to(qkv.dtype), sin.to(qkv.dtype)
        out, inverse = _forward(qkv, cos, sin, weight, layout)
        # without a norm the backward needs the angles only
        ctx.save_for_backward(cos, sin, *(() if weight is None else (qkv, weight, inverse)))
        ctx.layout = layout
        return _parted(out, qkv, layout)

    @staticmethod
    def backward(ctx: Any, dq: torch.Tensor, dk: torch.Tensor, dv: torch.Tensor) -> Any:
        cos, sin, *normed = ctx.saved_tensors
        qkv, weight, inverse = normed or (None, None, None)
        run = compiled.kernel("heads_backward", cos, sin, qkv, weight, stepped=(dq, dk, dv))
        backward = _plain_backward if run is None else partial(_compiled_backward, run)
        grad, dw = backward(
            (dq, dk, dv), cos, sin, qkv, weight, inverse, ctx.layout, for_weight=ctx.needs_input_grad[3]
        )
        return grad.view(len(dq), -1), None, None, dw, None


def _forward(
    qkv: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, weight: torch.Tensor | None, layout: Layout
) -> tuple[torch.Tensor, torch.Tensor | None]:
    run = compiled.kernel("heads_forward", qkv, cos, sin, weight)
    forward = _plain_forward if run is None else partial(_compiled_forward, run)
    return forward(qkv, cos, sin, weight, layout)


def _parted(out: torch.Tensor, qkv: torch.Tensor, layout: Layout) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys, and the values where they stand."""
    values = qkv.view(len(qkv), -1, layout.size)[:, layout.heads + layout.kv_heads :]
    return out[:, : layout.heads], out[:, layout.heads :], values


def _plain_forward(
    qkv: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, weight: torch.Tensor | None, layout: Layout
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Rotated queries and keys [T, H+K, D], and 1/rms [T, H+K, 1] of each head where it is normed."""
    turned = layout.heads + layout.kv_heads
    x, inverse = qkv.view(len(qkv), -1, layout.size)[:, :turned], None
    if weight is not None:
        x, inverse = norm.normalize(x, weight, layout.eps, layout.offset)
    out = torch.empty(len(qkv), turned, layout.size, dtype=qkv.dtype, device=qkv.device)
    rotate(x, cos, sin, out)
    return out, inverse


def _compiled_forward(
    run: Any, qkv: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, weight: torch.Tensor | None, layout: Layout
) -> tuple[torch.Tensor, torch.Tensor | None]:
    tokens, turned = len(qkv), layout.heads + layout.kv_heads
    out = qkv.new_empty(tokens, turned, layout.size)
    inverse = None if weight is None else torch.empty(tokens, turned, 1)
    tensors = map(compiled.at, (qkv, cos, sin, weight, out, inverse))
    sizes = compiled.longs(tokens, turned, layout.kv_heads, layout.size, cos.shape[1])
    run(*tensors, *sizes, c_float(layout.eps), c_float(layout.offset), compiled.threads(qkv.numel()))
    return out, inverse


Grads = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _plain_backward(
    grads: Grads,
    cos: torch.Tensor,
    sin: torch.Tensor,
    qkv: torch.Tensor | None,
    weight: torch.Tensor | None,
    inverse: torch.Tensor | None,
    layout: Layout,
    *,
    for_weight: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradient of the fused projection [T, H+2K, D], and of the weight where wanted."""
    dq, dk, dv = grads
    turned = layout.heads + layout.kv_heads
    grad = torch.empty(len(dq), turned + layout.kv_heads, layout.size, dtype=dq.dtype, device=dq.device)
    rotate(dq, cos, -sin, grad[:, : layout.heads])
    rotate(dk, cos, -sin, grad[:, layout.heads : turned])
    grad[:, turned:] = dv
    if qkv is None or weight is None or inverse is None:
        return grad, None
    x = qkv.view_as(grad)[:, :turned]
    dx, dw = norm.backward(grad[:, :turned], x, weight, inverse, layout.offset, for_weight=for_weight)
    grad[:, :turned] = dx
    return grad, dw


def _compiled_backward(
    run: Any,
    grads: Grads,
    cos: torch.Tensor,
    sin: torch.Tensor,
    qkv: torch.Tensor | None,
    weight: torch.Tensor | None,
    inverse: torch.Tensor | None,
    layout: Layout,
    *,
    for_weight: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    tokens, turned, size = len(cos), layout.heads + layout.kv_heads, layout.size
    grad = torch.empty(tokens, turned + layout.kv_heads, size, dtype=cos.dtype)
    parts = torch.zeros(compiled.CHUNKS, turned, size) if for_weight and weight is not None else None
    places = [argument for one in grads for argument in compiled.steps(one)]
    tensors = map(compiled.at, (cos, sin, qkv, weight, inverse, grad, parts))
    sizes = compiled.longs(compiled.CHUNKS, tokens, layout.heads, layout.kv_heads, size, cos.shape[1])
    run(*places, *tensors, *sizes, c_float(layout.offset), compiled.threads(grad.numel()))
    return grad, None if parts is None or weight is None else parts.sum(0).to(weight.dtype)
