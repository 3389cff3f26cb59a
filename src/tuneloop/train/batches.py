"""From an order of examples to packed micro-batches: no padding, similar lengths together, bounded tokens.

    epoch → steps of about equal size (examples or tokens) → micro-batches of at most `micro_tokens` → one packed row

What a step holds is a pure function of (seed, step), so the position of a run is one number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneloop.train import mixtures
from tuneloop.train.examples import Examples

if TYPE_CHECKING:
    from torch import Tensor, device

    from tuneloop.models.packed import Packed

Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Size:
    """How large a step is: a number of examples or of tokens; and how many tokens one forward pass may hold."""

    micro_tokens: int
    examples: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Batch:
    """E examples in one packed row of E · `sides` sequences, an example's second sequence right behind its first.

    `numbers` [E] are their places in `examples`, `labels` and `weights` [E] float32; the packed weights of targets
    hold the examples' weights already.  `columns` are further tensors of E rows that a learner adds.
    """

    examples: Examples
    packed: Packed
    numbers: Numbers
    labels: Tensor
    weights: Tensor
    sides: int = 1
    columns: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def groups(self) -> Numbers:
        """[E] numbers of the groups that the examples count to."""
        found: Numbers = self.examples.index["group"][self.numbers]
        return found

    def notes(self) -> list[str]:
        return [self.examples.note(number) for number in self.numbers]

    def records(self) -> list[str]:
        """The ids of the records that the examples were made from."""
        return [self.examples.record(number) for number in self.numbers]


class Batches:
    """The steps of a run over `examples`; `quotas` as in `mixtures.order`, None for every example once an epoch."""

    def __init__(
        self, examples: Examples, size: Size, seed: int, quotas: Sequence[int] | None, device: device | str = "cpu"
    ) -> None:
        self.examples, self.size, self.seed, self.quotas, self.device = examples, size, seed, quotas, device
        self._groups: Numbers = np.ascontiguousarray(examples.index["group"])
        self._order = lru_cache(maxsize=1)(self._order_of)
        self.steps_per_epoch = 1
        first = self._order(0)[0]
        if size.tokens:
            self.steps_per_epoch = max(1, round(int(examples.lengths[first].sum()) / size.tokens))
        else:
            self.steps_per_epoch = max(1, math.ceil(len(first) / (size.examples or 1)))
        self._order.cache_clear()

    def _order_of(self, epoch: int) -> tuple[Numbers, Numbers]:
        """The epoch's order, and where in it each step begins (one more entry than steps)."""
        order = mixtures.order(self.examples.lengths, self._groups, self.quotas, self.seed, epoch)
        marks = np.arange(self.steps_per_epoch + 1) / self.steps_per_epoch
        if not self.size.tokens:
            return order, np.round(marks * len(order)).astype(np.int64)
        ends = np.cumsum(self.examples.lengths[order], dtype=np.int64)
        bounds = np.searchsorted(ends, marks * ends[-1], side="left")
        bounds[-1] = len(order)
        return order, bounds

    def numbers(self, step: int) -> Numbers:
        """The examples of a step, which counts through all epochs from 0."""
        order, bounds = self._order(step // self.steps_per_epoch)
        inside = step % self.steps_per_epoch
        return order[bounds[inside] : bounds[inside + 1]]

    def of(self, step: int) -> Iterator[Batch]:
        """The micro-batches of a step."""
        for part in split(self.numbers(step), self.examples.lengths, self.size.micro_tokens):
            yield pack(self.examples, part, self.device)

    def once(self) -> Iterator[Batch]:
        """All examples once, in a fixed order: for validation."""
        for part in split(np.arange(len(self.examples)), self.examples.lengths, self.size.micro_tokens):
            yield pack(self.examples, part, self.device)


def split(numbers: Numbers, lengths: Numbers, budget: int) -> list[Numbers]:
    """Cut a step into parts of at most `budget` tokens, longest examples first, so that lengths inside a part are
    alike; an example longer than the budget is a part of its own."""
    by_length = numbers[np.argsort(-lengths[numbers], kind="stable")]
    parts: list[Numbers] = []
    begin = filled = 0
    for place, length in enumerate(lengths[by_length].tolist()):
        if filled and filled + length > budget:
            parts.append(by_length[begin:place])
            begin, filled = place, 0
        filled += length
    return [*parts, by_length[begin:]] if filled else parts


def pack(examples: Examples, numbers: Numbers, device: device | str = "cpu") -> Batch:
    """The examples end to end: ids[T], positions[T] that restart with each sequence, targets[T] (the token after, or
    -1)."""
    import torch

    from tuneloop.models.packed import Packed

    lengths = [length for number in numbers for length in examples.sequences(number)]
    rows = examples.index[numbers]
    ids = np.concatenate([examples.ids(number) for number in numbers]).astype(np.int64)
    mask = np.concatenate([examples.mask(number) for number in numbers]).astype(np.float32)
    targets = np.full(len(ids), -1, dtype=np.int64)
    # A sequence's first token is never a target, so no target reaches over into the next one.
    trained = mask[1:] > 0
    targets[:-1][trained] = ids[1:][trained]
    weights = np.append(mask[1:], np.float32(0)) * np.repeat(rows["weight"], rows["length"])
    positions = np.concatenate([np.arange(length) for length in lengths])
    row = [torch.from_numpy(array).to(device) for array in (ids, positions, targets, weights)]
    packed = Packed(ids=row[0], lengths=lengths, positions=row[1], targets=row[2], weights=row[3])
    labels, own = (torch.from_numpy(rows[name].astype(np.float32)).to(device) for name in ("label", "weight"))
    return Batch(examples, packed, numbers, labels, own, len(lengths) // len(numbers))
