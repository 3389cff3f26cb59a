"""Attention of packed records whose tokens see a prefix's keys and values before their own (arXiv 2101.00190).

The prefix takes rows of its own ahead of each record, so that the ordinary causal attention does the work; what its own
queries (zeros) would give is thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.overlay import Overlay
from tuneloop.models.shape import Shape


class Prefixed:
    """The `attend` of rows that belong to records of `lengths`, each with the prefix of its overlay.

    Prefix and record together must come by falling length; `rows` are then where each token and each prefix row stand.
    """

    def __init__(
        self, shape: Shape, overlays: Sequence[Overlay], lengths: Sequence[int], device: torch.device | str
    ) -> None:
        self.shape, self.overlays = shape, overlays
        ahead = [overlay.prefix_length for overlay in overlays]
        self.lengths = [length + before for length, before in zip(lengths, ahead, strict=True)]
        self.plan = Plan.of(self.lengths, device)
        if self.plan.order is not None:
            raise ValueError("prefix and record together must come by falling length")
        own = torch.cat([torch.arange(total) >= before for total, before in zip(self.lengths, ahead, strict=True)])
        self.own = own.nonzero().squeeze(1).to(device)
        self.ahead = (~own).nonzero().squeeze(1).to(device)

    def __call__(self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        keys, values = self.wide(layer, k, v)
        queries = q.new_zeros(len(keys), *q.shape[1:]).index_copy(0, self.own, q)
        shape = self.shape
        seen = attention(
            queries, keys, values, self.plan, scale=shape.scale, window=shape.window(layer), cap=shape.score_cap
        )
        return seen.index_select(0, self.own)

    def wide(self, layer: int, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values with the prefixes in their places, [T + prefixes, K, D] each."""
        found = [overlay.prefix(layer) for overlay in self.overlays if overlay.prefix_length]
        pairs = [pair for pair in found if pair is not None]
        prefixes = (torch.cat([pair[side] for pair in pairs]).to(k.dtype) for side in (0, 1))
        rows = sum(self.lengths)
        keys, values = (
            x.new_zeros(rows, *x.shape[1:]).index_copy(0, self.own, x).index_copy(0, self.ahead, prefix)
            for x, prefix in zip((k, v), prefixes, strict=True)
        )
        return keys, values
