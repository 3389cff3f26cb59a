"""Causal attention inside each record of a packed row.

Several records of similar length go together (`Plan`), in one of two ways:

- torch's fused attention, which skips the half above the diagonal;
- batched matrix products, with the probabilities made again in the backward pass.  Queries that share a key head are
  stacked as rows of one product, so keys and values are never repeated and their gradients are summed by the product.

Fused wins in float32 at every length tried (12 records of 256, 9 heads of 64, forward and backward on two cores:
142 ms against 396; 32: 73 against 191) and on graphics cards.  Products win in bfloat16 on a CPU that multiplies it
(length 190, 9 heads: 1.0 ms against 3.5), and they are the only way for a sliding window or capped scores.

Letters: T tokens, n records of a group, L length of its longest, K key heads, R queries per key head, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
import torch.nn.functional as F

LONGEST_PRODUCT = 1024
"""Above this length the L² probabilities of a product cost more memory than they save time."""
MOST_FILLING = 1.15
"""A group may hold at most this many positions per real token."""
GROUP_TOKENS = 4096


@dataclass(frozen=True)
class Group:
    """`count` records laid out as [count, length]; `gather` [count·length] picks their tokens (a record's last token
    fills up the rest), `real` tells which of those positions are tokens (None: all)."""

    count: int
    length: int
    gather: torch.Tensor
    real: torch.Tensor | None


@dataclass(frozen=True)
class Plan:
    """How a packed row is cut for attention; the same for all layers."""

    groups: list[Group]
    tokens: int

    @cached_property
    def inverse(self) -> torch.Tensor | None:
        """[T] where each token stands when the groups' real tokens are put one after the other; None: in its place."""
        places = [group.gather if group.real is None else group.gather[group.real] for group in self.groups]
        order = torch.cat(places)
        inverse = torch.empty_like(order)
        inverse[order] = torch.arange(len(order), device=order.device)
        return None if torch.equal(inverse, torch.arange(len(order), device=order.device)) else inverse

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device | str = "cpu") -> Plan:
        starts = [0]
        for length in lengths:
            starts.append(starts[-1] + length)
        order = sorted(range(len(lengths)), key=lambda one: -lengths[one])
        groups: list[list[int]] = []
        held = 0
        for one in order:
            longest = lengths[groups[-1][0]] if groups else 0
            room = groups and longest * (len(groups[-1]) + 1) <= min(MOST_FILLING * (held + lengths[one]), GROUP_TOKENS)
            if room:
                groups[-1].append(one)
                held += lengths[one]
            else:
                groups.append([one])
                held = lengths[one]
        made = [_group([starts[one] for one in group], [lengths[one] for one in group], device) for group in groups]
        return cls(made, starts[-1])


def _group(starts: list[int], lengths: list[int], device: torch.device | str) -> Group:
    longest = lengths[0]
    column = torch.arange(longest)
    length = torch.tensor(lengths)[:, None]
    gather = (torch.tensor(starts)[:, None] + torch.minimum(column, length - 1)).reshape(-1).to(device)
    real = None if min(lengths) == longest else (column < length).reshape(-1).to(device)
    return Group(len(lengths), longest, gather, real)


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
    """[T, H, D], [T, K, D], [T, K, D] → [T, H·D]."""
    longest = plan.groups[0].length if plan.groups else 0
    if cap is None and (window is None or window >= longest) and _fused_wins(q, longest):
        return _fused(q, k, v, plan, scale)
    out = _Attention.apply(q, k, v, plan, scale, window, cap)  # type: ignore[no-untyped-call]
    return out.view(len(q), -1)  # type: ignore[no-any-return]


def _fused_wins(q: torch.Tensor, longest: int) -> bool:
    if q.device.type != "cpu" or q.dtype != torch.bfloat16 or longest > LONGEST_PRODUCT:
        return True
    return not torch.cpu._is_avx512_bf16_supported()


def _fused(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, plan: Plan, scale: float) -> torch.Tensor:
    """What fills up a record stands behind its tokens, where a causal mask hides it from them."""
    pieces = []
    for group in plan.groups:
        laid = [x[group.gather].view(group.count, group.length, -1, x.shape[-1]).transpose(1, 2) for x in (q, k, v)]
        seen = F.scaled_dot_product_attention(*laid, is_causal=True, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
        rows = seen.transpose(1, 2).reshape(group.count * group.length, -1)
        pieces.append(rows if group.real is None else rows[group.real])
    together = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
    return together if plan.inverse is None else together[plan.inverse]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        plan: Plan,
        scale: float,
        window: int | None,
        cap: float | None,
    ) -> torch.Tensor:
        out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        kept: list[torch.Tensor] = []
        for group in plan.groups:
            queries, keys, values = _queries(q, k, group), _keys(k, group), _keys(v, group)
            probabilities, _ = _probabilities(queries, keys, group, scale, window, cap)
            _scatter(torch.bmm(probabilities, values), k, group, out)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.settings = plan, scale, window, cap
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        q, k, v = ctx.saved_tensors
        plan, scale, window, cap = ctx.settings
        dq, dk, dv = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
        for group in plan.groups:
            queries, keys, values = _queries(q, k, group), _keys(k, group), _keys(v, group)
            up = _queries(grad.view(q.shape), k, group)
            if group.real is not None:
                shape = (group.count, 1, 1, group.length, 1)
                up.view(group.count, k.shape[1], -1, group.length, q.shape[-1]).mul_(group.real.view(shape))
            probabilities, capped = _probabilities(queries, keys, group, scale, window, cap)
            _scatter_keys(torch.bmm(probabilities.transpose(1, 2), up), group, dv)
            slope = torch.bmm(up, values.transpose(1, 2))
            slope = _softmax_backward(slope, probabilities)
            if capped is not None and cap is not None:  # d cap·tanh(x/cap) = 1 - tanh²
                slope = slope * (1 - (capped / cap).square())
            slope = slope.mul_(scale)
            _scatter(torch.bmm(slope, keys), k, group, dq)
            _scatter_keys(torch.bmm(slope.transpose(1, 2), queries), group, dk)
        return dq, dk, dv, None, None, None, None


def _queries(q: torch.Tensor, k: torch.Tensor, group: Group) -> torch.Tensor:
    """[n·K, R·L, D]: the queries of one key head, one under the other."""
    heads, size, kv_heads = q.shape[1], q.shape[2], k.shape[1]
    picked = q[group.gather].view(group.count, group.length, kv_heads, heads // kv_heads, size)
    return picked.permute(0, 2, 3, 1, 4).reshape(group.count * kv_heads, -1, size)


def _keys(k: torch.Tensor, group: Group) -> torch.Tensor:
    """[n·K, L, D]"""
    picked = k[group.gather].view(group.count, group.length, k.shape[1], k.shape[2])
    return picked.transpose(1, 2).reshape(group.count * k.shape[1], group.length, -1)


def _scatter(x: torch.Tensor, k: torch.Tensor, group: Group, out: torch.Tensor) -> None:
    """Put [n·K, R·L, D] back into `out` [T, H, D]."""
    rows = x.view(group.count, k.shape[1], -1, group.length, x.shape[-1]).permute(0, 3, 1, 2, 4)
    _put(rows.reshape(-1, out.shape[1], out.shape[2]), group, out)


def _scatter_keys(x: torch.Tensor, group: Group, out: torch.Tensor) -> None:
    """Put [n·K, L, D] back into `out` [T, K, D]."""
    rows = x.view(group.count, -1, group.length, x.shape[-1]).transpose(1, 2)
    _put(rows.reshape(-1, out.shape[1], out.shape[2]), group, out)


def _put(rows: torch.Tensor, group: Group, out: torch.Tensor) -> None:
    if group.real is None:
        out[group.gather] = rows
    else:
        out[group.gather[group.real]] = rows[group.real]


def _probabilities(
    queries: torch.Tensor, keys: torch.Tensor, group: Group, scale: float, window: int | None, cap: float | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """[n·K, R·L, L] in the queries' dtype, and the capped scores where there is a cap."""
    repeat = queries.shape[1] // group.length
    mask = _mask(group.length, repeat, window, queries.dtype, queries.device)
    if cap is None:
        scores = torch.baddbmm(mask, queries, keys.transpose(1, 2), alpha=scale)
        return torch.softmax(scores, -1), None
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


def _softmax_backward(slope: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    return torch._softmax_backward_data(slope, probabilities, -1, slope.dtype)
