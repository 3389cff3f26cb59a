"""What stands over a decoder's forward pass: the places where an adapter may take part.

    prompt              rows in the place of token embeddings, before each record's own
    prefix(layer)       keys and values that each record's tokens see before their own
    linear(…), adjust   the layers' linear projections
    after(…)            what attention or MLP give, before it is added to the stream

The base class changes nothing: it is the bare model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from tuneloop.models.kernels.linear import linear
from tuneloop.models.quantized import Matrix

Part = Literal["attention", "mlp"]
KeysValues = tuple[torch.Tensor, torch.Tensor]
LowRank = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]
"""A [ranks, in], B transposed [ranks, out], gains [out] or None: `(x W^T + (x A^T) B^T) * gain + bias`."""


class Overlay:
    """Rows are tokens: T of them, whatever records they belong to."""

    prompt_length: int = 0
    """Rows of `prompt`."""
    prefix_length: int = 0
    """Tokens of `prefix`; a record's own begin at this position."""

    @property
    def prompt(self) -> torch.Tensor | None:
        """[p, hidden] rows that stand before each record, at positions 0 to p - 1; computed when asked for."""
        return None

    @property
    def before(self) -> int:
        """Positions that each record's tokens have before them."""
        return self.prefix_length + self.prompt_length

    def prefix(self, layer: int) -> KeysValues | None:
        """[p, K, D] twice: keys, as they are after the rotation, and values."""
        return None

    def linear(self, layer: int, name: str, x: torch.Tensor, weight: Matrix, bias: torch.Tensor | None) -> torch.Tensor:
        """[T, in] → [T, out] for the parameter `layers.{layer}.{name}` (qkv, o, gate_up or down)."""
        return self.adjust(layer, name, x, linear(x, weight, bias), bias)

    def adjust(
        self, layer: int, name: str, x: torch.Tensor, out: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """What becomes of the bare projection's `out` (bias included); it may be written into."""
        return out

    def after(self, layer: int, part: Part, h: torch.Tensor) -> torch.Tensor:
        """[T, hidden] → the same size."""
        return h

    def low_rank(self) -> Mapping[str, LowRank] | None:
        """All that it does to a token that is neither a prompt's nor the first behind one, by the names of parameters;
        None where that is no sum of low rank."""
        own, bare = type(self), Overlay
        same = (own.linear, own.adjust, own.after) == (bare.linear, bare.adjust, bare.after)
        return {} if same else None

    def cut(self, rows: torch.Tensor) -> Overlay:
        """The same for a step that goes on with some of its rows."""
        return self


BARE = Overlay()


def spread(
    ids: torch.Tensor, lengths: Sequence[int], before: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Make room for prompt rows: ids with -1 in `before[i]` places ahead of record i, where each token went [T], and
    the lengths with them."""
    device = ids.device
    total = [length + ahead for length, ahead in zip(lengths, before, strict=True)]
    shift = torch.tensor(before).cumsum(0).repeat_interleave(torch.tensor(lengths)).to(device)
    places = torch.arange(len(ids), device=device) + shift
    wide = torch.full((sum(total),), -1, dtype=ids.dtype, device=device)
    wide[places] = ids
    return wide, places, total
