"""Steps of generation by compiled code alone: from the last token of each sequence to the scores of its next one.

For decoders whose weights are laid out for answering (`Decoder.lay_out`), with any mix of adapters that are sums of low
rank.  All else goes through `Decoder` and `Cache.step`, which are the twin.  At 27 M parameters a step with
one sequence took 12 to 16 ms of processor through torch's operations, and takes 6 to 8 in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import POINTER, cast
from typing import TYPE_CHECKING, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import torch

from tuneloop.models import rotary
from tuneloop.models.cache import Cache
from tuneloop.models.decoder import Decoder, Layer
from tuneloop.models.kernels import compiled
from tuneloop.models.kernels.blocks import Blocks
from tuneloop.models.kernels.step import MATRICES, CFactors, CLayer, CMatrix, CModel, CRow, Factors, Scratch, step
from tuneloop.models.overlay import Overlay
from tuneloop.models.shape import Shape

if TYPE_CHECKING:
    from tuneloop.models.fast import FastModel


class Seat(NamedTuple):
    """A sequence as compiled code sees it, and what that points to."""

    row: CRow
    factors: Factors | None
    frequencies: list[torch.Tensor]


class Sequenced(Protocol):
    """A sequence in work; `reach` is the length that it may come to."""

    overlay: Overlay
    last: int
    seat: Seat | None

    @property
    def reach(self) -> int: ...


class Stepping:
    @classmethod
    def over(cls, lm: FastModel, cache: Cache) -> Stepping | None:
        """None where the decoder is held in another way."""
        module = lm.module
        held = [getattr(layer, name) for layer in module.layers for name in MATRICES]
        if module.scoring is None or not all(isinstance(one, Blocks) for one in held):
            return None
        return cls(module, module.scoring, cache)

    def __init__(self, module: Decoder, scoring: Blocks, cache: Cache) -> None:
        self.module, self.cache, self.shape = module, cache, module.shape
        self.scratch = Scratch()
        self._layers = (CLayer * self.shape.layers)(
            *(_layer(self.shape, layer) for layer in module.layers if isinstance(layer, Layer))
        )
        self._model = _model(module, scoring)
        self._model.layers = cast(self._layers, POINTER(CLayer))
        self._moves = 0
        self._factors: WeakKeyDictionary[Overlay, Factors | None] = WeakKeyDictionary()
        self._rows = (CRow * 0)()

    def scores(self, rows: Sequence[Sequenced]) -> torch.Tensor | None:
        """[rows, V] float32 scores behind each sequence's last token, which joins the cache; they stand until the next
        step.  None, and nothing done, where compiled code cannot be used."""
        run = compiled.kernel("step", self.module.norm)
        if run is None:
            return None
        seats = [row.seat or self._seated(row) for row in rows]
        if any(seat is None for seat in seats):
            return None
        lengths = self.cache.lengths
        self.cache.reserve(len(rows), max(lengths) + 1)
        self._follow()
        if len(self._rows) != len(rows):
            self._rows = (CRow * len(rows))()
        low = 0
        for place, (row, seat) in enumerate(zip(rows, seats, strict=True)):
            assert seat is not None
            seat.row.id, seat.row.length = row.last, lengths[place]
            self._rows[place] = seat.row
            low = max(low, seat.factors.low if seat.factors else 0)
        scores = step(run, self._model, self._rows, low, self.scratch)
        lengths[:] = [length + 1 for length in lengths]
        return scores

    def _seated(self, row: Sequenced) -> Seat | None:
        """None where its adapter is no sum of low rank."""
        factors = self._factors_of(row.overlay)
        if factors is None and row.overlay.low_rank() != {}:
            return None
        shape = self.shape
        frequencies = [rotary.reaching(rope, row.reach)[0] for rope in (shape.rope, shape.local_rope or shape.rope)]
        made = CRow()
        made.frequencies[:] = [one.data_ptr() for one in frequencies]
        if factors is not None:
            made.adapter = cast(factors.table, POINTER(CFactors))
        row.seat = Seat(made, factors, frequencies)
        return row.seat

    def _factors_of(self, overlay: Overlay) -> Factors | None:
        """An adapter's factors, laid out when it is first used; None where it has none."""
        if overlay not in self._factors:
            parts = overlay.low_rank()
            names = [f"layers.{layer}.{name}" for layer in range(self.shape.layers) for name in MATRICES]
            self._factors[overlay] = Factors([parts.get(name) for name in names]) if parts else None
        return self._factors[overlay]

    def _follow(self) -> None:
        """Where the cache is: it moves when it grows."""
        if self._moves == self.cache.moves:
            return
        self._moves, blocks = self.cache.moves, self.cache.blocks
        self._model.capacity = blocks[0][0].shape[2]
        for layer, (keys, values) in zip(self._layers, blocks, strict=True):
            layer.keys, layer.values = keys.data_ptr(), values.data_ptr()


def _model(module: Decoder, scoring: Blocks) -> CModel:
    shape = module.shape
    ropes = (shape.rope, shape.local_rope or shape.rope)
    model = CModel(
        embed=module.embed.data_ptr(), norm=module.norm.data_ptr(), head=CMatrix.of(scoring),
        depth=shape.layers, hidden=shape.hidden, heads=shape.heads, kv_heads=shape.kv_heads, size=shape.head_dim,
        wide=shape.intermediate, gelu=shape.activation == "gelu_tanh",
        eps=shape.eps, offset=shape.norm_offset, scale=shape.scale, score_cap=shape.score_cap or 0.0,
        logit_cap=shape.logit_cap or 0.0, embed_scale=shape.embed_scale,
    )  # fmt: skip
    model.half[:] = [rope.dim // 2 for rope in ropes]
    model.turn_scale[:] = [rotary.reaching(rope, 0)[1] for rope in ropes]
    return model


def _layer(shape: Shape, layer: Layer) -> CLayer:
    made = CLayer(window=shape.window(layer.index) or 0, local=shape.uses_local_rope(layer.index))
    made.matrices[:] = [CMatrix.of(getattr(layer, name), getattr(layer, f"{name}_bias")) for name in MATRICES]
    for name in ("norm1", "norm2", "norm1_after", "norm2_after", "q_norm", "k_norm"):
        weight = getattr(layer, name)
        setattr(made, name, None if weight is None else weight.data_ptr())
    return made
