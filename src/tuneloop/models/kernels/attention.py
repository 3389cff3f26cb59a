"""Causal attention inside each record of a packed row.

The records stand in the row by falling length (`Plan.order`), so that those of similar length, which go through one
call together, are one stretch of it.  On a processor attention.c takes the whole row; where that is not compiled, or
scores are capped, a group is attended in one of two ways (the twin):

- torch's fused attention, which skips the half above the diagonal;
- batched matrix products, with the probabilities made again in the backward pass.  Queries that share a key head are
  stacked as rows of one product, so keys and values are never repeated and their gradients are summed by the product.

Fused wins in float32 at every length tried (12 records of 256, 9 heads of 64, forward and backward on two cores:
142 ms against 396; 32: 73 against 191) and on graphics cards.  Products win in bfloat16 on a CPU that multiplies it
(length 190, 9 heads: 1.0 ms against 3.5), and they are the only way for a sliding window or capped scores.

Letters: T tokens, n records of a group, L length of its longest, H query heads, K key heads, R = H/K, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_float
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled

LONGEST_PRODUCT = 1024
"""Above this length the L² probabilities of a product cost more memory than they save time."""
LONGEST_TOGETHER = 160
"""Longer records go alone: the call costs little beside their work, and nothing has to be filled up."""
MOST_FILLING = 1.2
"""A group may hold at most this many positions per real token."""


@dataclass(frozen=True)
class Group:
    """Records of `lengths` (falling) that are one stretch of the row.

    Where they differ in length, `lay` [n·L] picks each position's token of the stretch (a record's last token fills it
    up to L), `real` [n·L] tells positions of tokens from filling, and `unlay` are the positions of the tokens.
    """

    lengths: tuple[int, ...]
    lay: torch.Tensor | None = None
    real: torch.Tensor | None = None
    unlay: torch.Tensor | None = None

    @property
    def count(self) -> int:
        return len(self.lengths)

    @property
    def longest(self) -> int:
        return self.lengths[0]

    @property
    def tokens(self) -> int:
        return sum(self.lengths)


@dataclass(frozen=True)
class Plan:
    """How a packed row is cut for attention; the same for all layers.

    `order` [T] are the tokens by falling length of their records, `back` [T] where each went; None: they stand so.
    """

    groups: tuple[Group, ...]
    order: torch.Tensor | None
    back: torch.Tensor | None

    @property
    def longest(self) -> int:
        return self.groups[0].longest if self.groups else 0

    @cached_property
    def starts(self) -> torch.Tensor:
        """[records + 1] int64: where each record begins in the row, and where the last one ends."""
        return torch.tensor([0, *(length for group in self.groups for length in group.lengths)]).cumsum(0)

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device | str = "cpu") -> Plan:
        records = sorted(range(len(lengths)), key=lambda one: -lengths[one])
        groups: list[list[int]] = []
        held = 0
        for length in (lengths[one] for one in records):
            longest = groups[-1][0] if groups else 0
            if (
                groups
                and longest <= LONGEST_TOGETHER
                and longest * (len(groups[-1]) + 1) <= MOST_FILLING * (held + length)
            ):
                groups[-1].append(length)
                held += length
            else:
                groups.append([length])
                held = length
        made = tuple(_group(group, device) for group in groups)
        if records == list(range(len(lengths))):
            return cls(made, None, None)
        starts = torch.tensor([0, *lengths]).cumsum(0).tolist()
        order = torch.cat([torch.arange(starts[one], starts[one + 1]) for one in records])
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        return cls(made, order.to(device), back.to(device))


def _group(lengths: list[int], device: torch.device | str) -> Group:
    longest = lengths[0]
    if lengths[-1] == longest:
        return Group(tuple(lengths))
    column, length = torch.arange(longest), torch.tensor(lengths)[:, None]
    starts = length.cumsum(0) - length
    lay = (starts + torch.minimum(column, length - 1)).reshape(-1)
    real = (column < length).reshape(-1)
    return Group(tuple(lengths), lay.to(device), real.to(device), real.nonzero().squeeze(1).to(device))


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    plan: Plan,
    *,
    scale: float,
    window: int | None = None,
    cap: float | None = None,
) -> torch.Tensor:
    """[T, H, D], [T, K, D], [T, K, D] in the plan's order → [T, H·D]."""
    run = compiled.kernel("attention_forward", stepped=(q, k, v)) if cap is None else None
    if run is not None:
        return _Compiled.apply(q, k, v, plan, scale, window).view(len(q), -1)  # type: ignore[no-any-return, no-untyped-call]
    sizes = [group.tokens for group in plan.groups]
    pieces = []
    for group, *parts in zip(plan.groups, *(torch.split(x, sizes) for x in (q, k, v)), strict=True):
        laid = [_laid(x, group) for x in parts]
        if cap is None and (window is None or window >= group.longest) and _fused_wins(q, group.longest):
            seen = _fused(laid[0], laid[1], laid[2], scale)
        else:
            seen = _Products.apply(*laid, scale, window, cap)  # type: ignore[no-untyped-call]
        pieces.append(_unlaid(seen.reshape(group.count * group.longest, -1), group))
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def _laid(x: torch.Tensor, group: Group) -> torch.Tensor:
    """[tokens, heads, D] → [n, L, heads, D]"""
    if group.lay is not None:
        x = _Pick.apply(x, group.lay, group.unlay, None)  # type: ignore[no-untyped-call]
    return x.reshape(group.count, group.longest, *x.shape[1:])


def _unlaid(x: torch.Tensor, group: Group) -> torch.Tensor:
    """[n·L, width] → [tokens, width]"""
    if group.lay is None:
        return x
    return _Pick.apply(x, group.unlay, group.lay, group.real)  # type: ignore[no-any-return, no-untyped-call]


class _Pick(torch.autograd.Function):
    """Rows by index whose gradient is rows by index again: filling gets none, so nothing has to be added up."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, rows: torch.Tensor, back: torch.Tensor, real: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.save_for_backward(back, real)
        return x.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        back, real = ctx.saved_tensors
        out = grad.index_select(0, back)
        if real is not None:
            out.mul_(real.view(-1, *[1] * (out.dim() - 1)))
        return out, None, None, None


def _fused_wins(q: torch.Tensor, longest: int) -> bool:
    if q.device.type != "cpu" or q.dtype != torch.bfloat16 or longest > LONGEST_PRODUCT:
        return True
    return not torch.cpu._is_avx512_bf16_supported()


def _fused(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float) -> torch.Tensor:
    """[n, L, heads, D] each → [n, L, H, D].  Filling stands behind a record's tokens, where the mask hides it."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=grouped).transpose(1, 2)


BLOCK = 32
"""Queries whose scores a thread of attention.c holds at a time."""


class _Compiled(torch.autograd.Function):
    """The same by attention.c, for the whole row in one call."""

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, plan: Plan, scale: float, window: int | None
    ) -> torch.Tensor:
        run = compiled.kernel("attention_forward", stepped=(q, k, v))
        out, totals = torch.empty(q.shape, dtype=q.dtype), torch.empty(q.shape[:2])
        threads, room, scratch = _scratch(q, plan, across=1, along=2, blocks=1)
        where = compiled.steps(q) + compiled.steps(k) + compiled.steps(v) + [compiled.at(plan.starts)]
        run(
            *where, *compiled.longs(len(plan.starts) - 1), *map(compiled.at, (out, totals, scratch)),
            *compiled.longs(room, q.shape[1], *k.shape[1:], window or 0), c_float(scale), threads,
        )  # fmt: skip
        ctx.save_for_backward(q, k, v, totals)
        ctx.settings = plan, scale, window
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        q, k, v, totals = ctx.saved_tensors
        plan, scale, window = ctx.settings
        grad = grad.contiguous()
        run = compiled.kernel("attention_backward", grad, stepped=(q, k, v))
        dq, dk, dv = (torch.empty(x.shape, dtype=x.dtype) for x in (q, k, v))
        threads, room, scratch = _scratch(q, plan, across=2, along=5, blocks=2)
        where = compiled.steps(q) + compiled.steps(k) + compiled.steps(v) + [compiled.at(plan.starts)]
        run(
            compiled.at(grad), *where, *compiled.longs(len(plan.starts) - 1),
            *map(compiled.at, (totals, dq, dk, dv, scratch)),
            *compiled.longs(room, q.shape[1], *k.shape[1:], window or 0), c_float(scale), threads,
        )  # fmt: skip
        return dq, dk, dv, None, None, None


def _scratch(q: torch.Tensor, plan: Plan, *, across: int, along: int, blocks: int) -> tuple[Any, int, torch.Tensor]:
    """Threads, and float32 room for each: copies of the longest record's rows (as columns `across`, padded to 16 as
    rows `along`), and `blocks` of scores."""
    threads = compiled.threads(q.numel())
    rows, size = -(-plan.longest // 16) * 16, q.shape[-1]
    width = -(-size // 16) * 16
    room = across * size * rows + along * width * rows + blocks * BLOCK * rows + BLOCK * width
    return threads, room, torch.empty(threads.value, room)


class _Products(torch.autograd.Function):
    """The same by matrix products."""

    @staticmethod
    def forward(
        ctx: Any,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        scale: float,
        window: int | None,
        cap: float | None,
    ) -> torch.Tensor:
        heads = k.shape[2]
        probabilities, _ = _probabilities(_stacked(q, heads), _stacked(k, heads), q.shape[1], scale, window, cap)
        ctx.save_for_backward(q, k, v)
        ctx.settings = scale, window, cap
        return _unstacked(torch.bmm(probabilities, _stacked(v, heads)), q)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        q, k, v = ctx.saved_tensors
        scale, window, cap = ctx.settings
        heads = k.shape[2]
        queries, keys, values, up = (_stacked(x, heads) for x in (q, k, v, grad))
        probabilities, capped = _probabilities(queries, keys, q.shape[1], scale, window, cap)
        dv = torch.bmm(probabilities.transpose(1, 2), up)
        through = torch.bmm(up, values.transpose(1, 2))
        # d softmax = p · (g - sum(p · g))
        slope = through.sub_((through * probabilities).sum(-1, keepdim=True)).mul_(probabilities)
        if capped is not None:  # d cap·tanh(x/cap) = 1 - tanh²
            slope = slope.mul_(1 - (capped / cap).square_())
        slope = slope.mul_(scale)
        dq, dk = torch.bmm(slope, keys), torch.bmm(slope.transpose(1, 2), queries)
        return _unstacked(dq, q), _unstacked(dk, k), _unstacked(dv, v), None, None, None


def _stacked(x: torch.Tensor, kv_heads: int) -> torch.Tensor:
    """[n, L, heads, D] → [n·K, R·L, D]: the heads that share a key head, one under the other."""
    count, length, heads, size = x.shape
    parted = x.view(count, length, kv_heads, heads // kv_heads, size)
    return parted.permute(0, 2, 3, 1, 4).reshape(count * kv_heads, -1, size)


def _unstacked(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """[n·K, R·L, D] → [n, L, heads, D]"""
    count, length, heads, size = like.shape
    kv_heads = len(x) // count
    parted = x.view(count, kv_heads, heads // kv_heads, length, size)
    return parted.permute(0, 3, 1, 2, 4).reshape(count, length, heads, size)


def _probabilities(
    queries: torch.Tensor, keys: torch.Tensor, length: int, scale: float, window: int | None, cap: float | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """[n·K, R·L, L] in the queries' dtype, and the capped scores where there is a cap."""
    mask = _mask(length, queries.shape[1] // length, window, queries.dtype, queries.device)
    if cap is None:
        return torch.softmax(torch.baddbmm(mask, queries, keys.transpose(1, 2), alpha=scale), -1), None
    capped = torch.bmm(queries, keys.transpose(1, 2)).mul_(scale / cap).tanh_().mul_(cap)
    return torch.softmax(capped + mask, -1), capped


@lru_cache(maxsize=32)
def _mask(length: int, repeat: int, window: int | None, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """[R·L, L]: 0 where a token sees another, -inf where not."""
    distance = torch.arange(length)[:, None] - torch.arange(length)
    seen = distance >= 0
    if window is not None:
        seen &= distance < window
    mask = torch.zeros(length, length).masked_fill_(~seen, float("-inf"))
    return mask.repeat(repeat, 1).to(dtype=dtype, device=device)
