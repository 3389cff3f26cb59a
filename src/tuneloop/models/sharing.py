"""Beginnings that records of a packed row have in common are computed once.

The two answers of a preference pair follow one prompt, and so do the answers of a group; dialogues may open with one
system message.  A token's hidden row depends on the tokens up to it alone, so records that begin alike have the same
rows there.  Only attention looks at whole records: it gets the common rows laid out again for each of them.

    Sharing.of(ids, lengths)     which tokens are computed, and where each token of the row finds its own
    Shared(…)                    the `attend` over the tokens that are computed

Not covered: rotations that depend on a record's length, and adapters that put rows before each record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.rotary import BY_LENGTH
from tuneloop.models.shape import Shape

WORTH = 0.05
"""Laying rows out again costs what computing this share of them does (27 M parameters, records of 300 tokens)."""


@dataclass(frozen=True)
class Sharing:
    """`kept` [t] places in the row of the tokens that are computed; `place` [T] where in `kept` each token stands."""

    kept: torch.Tensor
    place: torch.Tensor

    @classmethod
    def of(cls, ids: torch.Tensor, lengths: Sequence[int]) -> Sharing | None:
        """Over records `ids` [T] of `lengths`; None where too little is alike to be worth it."""
        saved, begins = beginnings(ids.cpu().numpy(), lengths)
        if saved < WORTH * len(ids):
            return None
        place = np.empty(len(ids), dtype=np.int64)
        own = np.ones(len(ids), dtype=bool)
        starts = np.cumsum([0, *lengths])
        for record, _, common in begins:
            own[starts[record] : starts[record] + common] = False
        place[own] = np.arange(int(own.sum()))
        for record, like, common in begins:  # `like` comes before: its places are known
            place[starts[record] : starts[record] + common] = place[starts[like] : starts[like] + common]
        return cls(torch.from_numpy(own.nonzero()[0]).to(ids.device), torch.from_numpy(place).to(ids.device))


def beginnings(ids: np.ndarray[Any, Any], lengths: Sequence[int]) -> tuple[int, list[tuple[int, int, int]]]:
    """How many tokens need not be computed; and (record, another, tokens that both begin with), in an order in which
    `another` has come before `record`.

    Records are compared with their neighbours in the order of a dictionary, where those that begin alike stand
    together.
    """
    ends = np.cumsum(lengths)
    records = [ids[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    order = sorted(range(len(records)), key=lambda record: records[record].tolist())
    found = [(record, like, _common(records[record], records[like])) for like, record in pairwise(order)]
    return sum(common for _, _, common in found), found


def _common(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> int:
    """Tokens that both begin with."""
    length = min(len(one), len(other))
    differs = np.flatnonzero(one[:length] != other[:length])
    return int(differs[0]) if len(differs) else length


def can_share(shape: Shape) -> bool:
    """Whether a token's row depends on nothing but the tokens up to it."""
    return all(rope is None or rope.kind not in BY_LENGTH for rope in (shape.rope, shape.local_rope))


class Shared:
    """Attention inside records of `lengths`, over rows of which those that records share are there once."""

    def __init__(self, shape: Shape, sharing: Sharing, lengths: Sequence[int]) -> None:
        self.shape, self.plan = shape, Plan.of(lengths, sharing.place.device)
        take = sharing.place if self.plan.order is None else sharing.place[self.plan.order]
        # the row of attention that each computed token is read from, and those that only repeat one
        first = torch.full_like(sharing.kept, len(take)).scatter_reduce(
            0, take, torch.arange(len(take), device=take.device), "amin"
        )
        again = torch.ones_like(take, dtype=torch.bool).index_fill(0, first, False).nonzero().squeeze(1)
        self.rows = take, first, again

    def __call__(self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        shape = self.shape
        q, k, v = (_LaidOut.apply(x, *self.rows) for x in (q, k, v))  # type: ignore[no-untyped-call]
        seen = attention(q, k, v, self.plan, scale=shape.scale, window=shape.window(layer), cap=shape.score_cap)
        return _Picked.apply(seen, self.rows[1])  # type: ignore[no-any-return, no-untyped-call]


class _LaidOut(torch.autograd.Function):
    """[t, heads, D] → [T, heads, D], rows repeated; the gradient adds only what repetitions give."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, take: torch.Tensor, first: torch.Tensor, again: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(take, first, again)
        return x.index_select(0, take)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        take, first, again = ctx.saved_tensors
        own = grad.index_select(0, first)
        return own.index_add_(0, take[again], grad.index_select(0, again)), None, None, None


class _Picked(torch.autograd.Function):
    """[T, width] → [t, width], no row twice, so that the gradient is a copy."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(rows)
        ctx.size = x.shape
        return x.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        (rows,) = ctx.saved_tensors
        return grad.new_zeros(ctx.size).index_copy_(0, rows, grad), None
