"""From the fused projection to rotated heads: split, optional norm per head, rotation; one step each way.

Rotation is the half-split form (RoFormer as in Llama): the first half of the rotated part pairs with its second half.
Where `cos` is narrower than half a head, only that first part of each head is rotated (partial rotation).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from tuneloop.models.kernels import norm


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
        turned, size = layout.heads + layout.kv_heads, layout.size
        heads = qkv.view(len(qkv), turned + layout.kv_heads, size)
        x, inverse = heads[:, :turned], None
        if weight is not None:
            x, inverse = norm.normalize(x, weight, layout.eps, layout.offset)
        out = torch.empty(len(qkv), turned, size, dtype=qkv.dtype, device=qkv.device)
        rotate(x, cos.to(qkv.dtype), sin.to(qkv.dtype), out)
        # without a norm the backward needs the angles only
        ctx.save_for_backward(cos, sin, *(() if weight is None else (qkv, weight, inverse)))
        ctx.layout = layout
        return out[:, : layout.heads], out[:, layout.heads :], heads[:, turned:]

    @staticmethod
    def backward(ctx: Any, dq: torch.Tensor, dk: torch.Tensor, dv: torch.Tensor) -> Any:
        cos, sin, *normed = ctx.saved_tensors
        layout: Layout = ctx.layout
        turned, tokens = layout.heads + layout.kv_heads, len(dq)
        grad = torch.empty(tokens, turned + layout.kv_heads, layout.size, dtype=dq.dtype, device=dq.device)
        cos, back = cos.to(dq.dtype), -sin.to(dq.dtype)
        rotate(dq, cos, back, grad[:, : layout.heads])
        rotate(dk, cos, back, grad[:, layout.heads : turned])
        grad[:, turned:] = dv
        dw = None
        if normed:
            qkv, weight, inverse = normed
            x = qkv.view_as(grad)[:, :turned]
            dx, dw = norm.backward(
                grad[:, :turned], x, weight, inverse, layout.offset, for_weight=ctx.needs_input_grad[3]
            )
            grad[:, :turned] = dx
        return grad.view(tokens, -1), None, None, dw, None
