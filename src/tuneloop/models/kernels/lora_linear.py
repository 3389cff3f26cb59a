"""A linear layer with LoRA (arXiv 2106.09685) on the projections that share its input, as one step.

    y = x W^T + bias + (x A^T) B^T

`A` stacks the down-projections of all adapted projections, so that x is read once; `B` is block-diagonal: each
projection's rows see its own columns only, times its scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from tuneloop.models.quantized import Matrix, dense


class Block(NamedTuple):
    """Where one adapted projection sits in the fused output: rows from `start`, and its scale (alpha / r)."""

    start: int
    rows: int
    rank: int
    scale: float


def lora_linear(
    x: torch.Tensor,
    weight: Matrix,
    bias: torch.Tensor | None,
    blocks: Sequence[Block],
    downs: Sequence[torch.Tensor],
    ups: Sequence[torch.Tensor],
) -> torch.Tensor:
    """x [T, in] → [T, out]; `downs` are A's [r, in] and `ups` B's [rows, r], one pair per block, any dtype.

    A quantized weight is made dense forward and again backward, and gets no gradient.
    """
    return _LoraLinear.apply(x, weight, bias, blocks, *downs, *ups)  # type: ignore[no-any-return, no-untyped-call]


def stacked(
    blocks: Sequence[Block], downs: Sequence[torch.Tensor], ups: Sequence[torch.Tensor], out: int, like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A [sum of ranks, in] and the block-diagonal, scaled B [out, sum of ranks], in the dtype of `like`."""
    down = torch.cat([one.to(like.dtype) for one in downs]) if len(downs) > 1 else downs[0].to(like.dtype)
    up = torch.zeros(out, len(down), dtype=like.dtype, device=like.device)
    column = 0
    for block, one in zip(blocks, ups, strict=True):
        up[block.start : block.start + block.rows, column : column + block.rank] = one * block.scale
        column += block.rank
    return down, up


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: Matrix,
        bias: torch.Tensor | None,
        blocks: Sequence[Block],
        *pairs: torch.Tensor,
    ) -> torch.Tensor:
        downs, ups = pairs[: len(blocks)], pairs[len(blocks) :]
        down, up = stacked(blocks, downs, ups, weight.shape[0], x)
        low = x @ down.t()
        out = F.linear(x, dense(weight, x.dtype), bias)
        out.addmm_(low, up.t())
        held = weight if isinstance(weight, torch.Tensor) else None
        ctx.save_for_backward(x, held, low, down, up)
        ctx.matrix = None if held is not None else weight
        ctx.blocks, ctx.dtypes = blocks, [pair.dtype for pair in pairs]
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        x, weight, low, down, up = ctx.saved_tensors
        blocks: Sequence[Block] = ctx.blocks
        d_low = grad @ up
        dx = None
        if ctx.needs_input_grad[0]:
            dx = (grad @ (weight if ctx.matrix is None else ctx.matrix.dense(grad.dtype))).addmm_(d_low, down)
        dw = grad.t() @ x if ctx.needs_input_grad[1] else None
        db = grad.sum(0) if ctx.needs_input_grad[2] else None
        d_down, d_up = d_low.t() @ x, grad.t() @ low
        downs, ups, column = [], [], 0
        for block in blocks:
            columns = slice(column, column + block.rank)
            downs.append(d_down[columns])
            ups.append(d_up[block.start : block.start + block.rows, columns] * block.scale)
            column += block.rank
        pairs = [one.to(dtype) for one, dtype in zip([*downs, *ups], ctx.dtypes, strict=True)]
        return dx, dw, db, None, *pairs
