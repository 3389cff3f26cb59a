"""Keys and values of the sequences being written, and attention over them.

One preallocated block per layer, [slots, key heads, capacity, head size]; the sequences in work are slots 0 … n-1, so a
step over all of them reads one stretch of memory.  The block grows by doubling, no longer than the model has positions;
when nothing is being written any more, what is more than `KEPT` is given back.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.overlay import Overlay
from tuneloop.models.prefix import Prefixed
from tuneloop.models.shape import Shape

KEPT = 64 << 20
"""Bytes that stay held while nothing is written, so that the next request finds room without asking for it."""


class Cache:
    def __init__(self, shape: Shape, dtype: torch.dtype, device: torch.device) -> None:
        self.shape = shape
        self.dtype, self.device = dtype, device
        self.lengths: list[int] = []
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []
        self.moves = 0
        """How often the blocks have been made anew."""

    def size(self, length: int) -> int:
        """Bytes of one sequence of so many tokens, no more than the model has positions."""
        shape = self.shape
        return 2 * shape.layers * shape.kv_rows * min(length, shape.max_positions) * self.dtype.itemsize

    def open(self, lengths: Sequence[int]) -> range:
        """Slots for new sequences, at the end; their keys come with `prefill`."""
        first = len(self.lengths)
        self.lengths += lengths
        self.reserve(len(self.lengths), max(self.lengths))
        return range(first, len(self.lengths))

    def close(self, slot: int) -> int:
        """Free a slot; the last sequence moves into it.  Returns the slot that the moved one had."""
        last = len(self.lengths) - 1
        if slot != last:
            self.lengths[slot] = self.lengths[last]
            self.copy(last, slot)
        self.lengths.pop()
        if not self.lengths and self.held > KEPT:
            self._keys, self._values = [], []
        return last

    @property
    def held(self) -> int:
        """Bytes of all blocks."""
        return sum(block.nbytes for block in (*self._keys, *self._values))

    def copy(self, source: int, slot: int) -> None:
        """Give a slot the keys and values of another, as many as it has positions."""
        length = self.lengths[slot]
        for block in (*self._keys, *self._values):
            block[slot, :, :length] = block[source, :, :length]

    def reserve(self, slots: int, length: int) -> None:
        """Make room for so many sequences of so many tokens."""
        held = self._keys[0].shape if self._keys else (0, 0, 0, 0)
        if slots <= held[0] and length <= held[2]:
            return
        slots = max(slots, held[0] if slots <= held[0] else 2 * held[0])
        most = -(-self.shape.max_positions // 64) * 64
        length = max(-(-length // 64) * 64, held[2] if length <= held[2] else min(2 * held[2], most))
        size = (slots, self.shape.kv_heads, length, self.shape.head_dim)
        self.moves += 1
        for blocks in (self._keys, self._values):
            for layer in range(self.shape.layers):
                grown = torch.zeros(size, dtype=self.dtype, device=self.device)
                if blocks and layer < len(blocks):
                    grown[: held[0], :, : held[2]] = blocks[layer]
                    blocks[layer] = grown
                else:
                    blocks.append(grown)

    @property
    def blocks(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values of each layer; others when `moves` has grown."""
        return list(zip(self._keys, self._values, strict=True))

    def prefill(self, slots: Sequence[int], lengths: Sequence[int], overlays: Sequence[Overlay]) -> Prefill:
        """The `attend` of whole prompts with their prefixes, packed by falling length, for slots opened for them."""
        return Prefill(self, slots, lengths, overlays)

    def step(self) -> Step:
        """The `attend` of one more token for each sequence."""
        return Step(self)


class Prefill:
    def __init__(self, cache: Cache, slots: Sequence[int], lengths: Sequence[int], overlays: Sequence[Overlay]) -> None:
        self.cache, self.slots = cache, slots
        self.prefixed = None
        if any(overlay.prefix_length for overlay in overlays):
            self.prefixed = Prefixed(cache.shape, overlays, lengths, cache.device)
        self.lengths = list(lengths) if self.prefixed is None else self.prefixed.lengths
        self.plan = Plan.of(self.lengths, cache.device)

    def __call__(self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        if self.prefixed is not None:
            self._keep(layer, *self.prefixed.wide(layer, k, v))
            return self.prefixed(layer, q, k, v)
        self._keep(layer, k, v)
        shape = self.cache.shape
        return attention(q, k, v, self.plan, scale=shape.scale, window=shape.window(layer), cap=shape.score_cap)

    def _keep(self, layer: int, k: torch.Tensor, v: torch.Tensor) -> None:
        cache, start = self.cache, 0
        for slot, length in zip(self.slots, self.lengths, strict=True):
            rows = slice(start, start + length)
            cache._keys[layer][slot, :, :length] = k[rows].transpose(0, 1)
            cache._values[layer][slot, :, :length] = v[rows].transpose(0, 1)
            start += length


class Step:
    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.count, self.longest = len(cache.lengths), max(cache.lengths) + 1
        cache.reserve(self.count, self.longest)
        self.slots = torch.arange(self.count, device=cache.device)
        self.ends = torch.tensor(cache.lengths, device=cache.device)
        self._masks: dict[int | None, torch.Tensor | None] = {}
        cache.lengths[:] = [length + 1 for length in cache.lengths]

    def __call__(self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        cache, shape, count = self.cache, self.cache.shape, self.count
        keys, values = cache._keys[layer], cache._values[layer]
        if count == 1:  # the same, in a third of the time that indices take
            keys[0, :, self.longest - 1], values[0, :, self.longest - 1] = k[0], v[0]
        else:
            keys[self.slots, :, self.ends] = k
            values[self.slots, :, self.ends] = v
        batch = count * shape.kv_heads
        seen_keys = keys[:count, :, : self.longest].reshape(batch, self.longest, shape.head_dim)
        seen_values = values[:count, :, : self.longest].reshape(batch, self.longest, shape.head_dim)
        scores = torch.bmm(q.reshape(batch, -1, shape.head_dim), seen_keys.transpose(1, 2)).mul_(shape.scale)
        if shape.score_cap is not None:
            scores = torch.tanh(scores / shape.score_cap) * shape.score_cap
        mask = self._mask(shape.window(layer))
        if mask is not None:
            scores.view(count, -1, self.longest).masked_fill_(mask[:, None], float("-inf"))
        return torch.bmm(scores.softmax(-1), seen_values).view(count, -1)

    def _mask(self, window: int | None) -> torch.Tensor | None:
        """[n, longest] True where a sequence has no key, or one that lies outside of its window; None: nowhere."""
        if self.count == 1 and window is None:
            return None
        if window not in self._masks:
            place = torch.arange(self.longest, device=self.ends.device)
            hidden = place > self.ends[:, None]
            if window is not None:
                hidden |= place <= self.ends[:, None] - window
            self._masks[window] = hidden if bool(hidden.any()) else None
        return self._masks[window]
