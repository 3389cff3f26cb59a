"""A batch of records without padding: all tokens in one row, cut by `lengths`.

    ids        [T]  int64    tokens of all records, one after another
    lengths    list[int]     tokens per record; their sum is T
    positions  [T]  int64    place of each token in its record, from 0
    targets    [T]  int64    the token that should come AFTER token i; -1 where nothing is trained
    weights    [T]  float32  how much that target counts; 0 where there is none

Attention never crosses a record's border; every other layer sees one long row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

NO_TARGET = -1


@dataclass(frozen=True)
class Packed:
    ids: torch.Tensor
    lengths: list[int]
    positions: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(cls, records: Sequence[tuple[Sequence[int], Sequence[float]]]) -> Packed:
        """Pack (ids, mask) pairs, as `encode_chat` gives them: `mask[i]` is the weight of predicting token i.

        The first token of a record has nothing before it, so its mask is without effect.  Raises ValueError for an
        empty record or a mask of another length.
        """
        targets: list[int] = []
        weights: list[float] = []
        for ids, mask in records:
            if not ids or len(ids) != len(mask):
                raise ValueError(f"a record of {len(ids)} tokens with a mask of {len(mask)} cannot be packed")
            trained = [weight > 0 for weight in mask[1:]]
            targets += [token if on else NO_TARGET for token, on in zip(ids[1:], trained, strict=True)] + [NO_TARGET]
            weights += [float(weight) if on else 0.0 for weight, on in zip(mask[1:], trained, strict=True)] + [0.0]
        lengths = [len(ids) for ids, _ in records]
        return cls(
            ids=torch.tensor([token for ids, _ in records for token in ids], dtype=torch.int64),
            lengths=lengths,
            positions=torch.cat([torch.arange(length) for length in lengths]),
            targets=torch.tensor(targets, dtype=torch.int64),
            weights=torch.tensor(weights, dtype=torch.float32),
        )

    @cached_property
    def rows(self) -> torch.Tensor:
        """[N] indices of the tokens that have a target."""
        return (self.targets >= 0).nonzero().squeeze(1)

    @cached_property
    def target_ids(self) -> torch.Tensor:
        """[N] the targets themselves, in the order of `rows`."""
        return self.targets[self.rows]

    @cached_property
    def target_weights(self) -> torch.Tensor:
        """[N] float32 weight of each target, in the order of `rows`."""
        return self.weights[self.rows]

    @cached_property
    def owners(self) -> torch.Tensor:
        """[N] the record of each target, in the order of `rows`."""
        ends = torch.tensor(self.lengths, device=self.rows.device).cumsum(0)
        return torch.searchsorted(ends, self.rows, right=True)

    @property
    def tokens(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> Packed:
        """The same batch on another device."""
        if self.ids.device == torch.device(device):
            return self
        moved = (tensor.to(device) for tensor in (self.ids, self.positions, self.targets, self.weights))
        ids, positions, targets, weights = moved
        return Packed(ids, self.lengths, positions, targets, weights)
