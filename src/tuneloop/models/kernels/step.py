"""How step.c is called: the C structures of a decoder, of an adapter's factors and of rows, and its scratch memory.

Tensors are float32, in one piece and in the processor's memory, but for the weights in blocks, which may be bfloat16.
A structure holds addresses only: who makes it keeps the tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import POINTER, Array, Structure, byref, c_float, c_int, c_long, c_void_p
from typing import Any

import torch

from tuneloop.models.kernels import compiled
from tuneloop.models.kernels.blocks import WIDTH, Blocks

MATRICES = ("qkv", "o", "gate_up", "down")
LOW = 16
"""Low ranks are filled up with zeros to multiples of it."""
PHASE = 256
"""Bytes of one phase's counters."""
LANES = 16
"""The most numbers that a vector holds."""


class CMatrix(Structure):
    _fields_ = (
        ("held", c_void_p), ("bias", c_void_p), ("outputs", c_long), ("inputs", c_long), ("narrow", c_long),
    )  # fmt: skip

    @classmethod
    def of(cls, weight: Blocks, bias: torch.Tensor | None = None) -> CMatrix:
        narrow = weight.held.dtype == torch.bfloat16
        return cls(weight.held.data_ptr(), None if bias is None else bias.data_ptr(), *weight.shape, narrow)


class CFactors(Structure):
    _fields_ = (
        ("down", c_void_p), ("up", c_void_p), ("gain", c_void_p), ("spans", c_void_p), ("rank", c_long),
        ("padded", c_long),
    )  # fmt: skip


class CLayer(Structure):
    _fields_ = (
        ("matrices", CMatrix * len(MATRICES)),
        ("norm1", c_void_p), ("norm2", c_void_p), ("norm1_after", c_void_p), ("norm2_after", c_void_p),
        ("q_norm", c_void_p), ("k_norm", c_void_p), ("keys", c_void_p), ("values", c_void_p),
        ("window", c_long), ("local", c_long),
    )  # fmt: skip


class CModel(Structure):
    _fields_ = (
        ("layers", POINTER(CLayer)), ("embed", c_void_p), ("norm", c_void_p), ("head", CMatrix),
        ("depth", c_long), ("hidden", c_long), ("heads", c_long), ("kv_heads", c_long), ("size", c_long),
        ("wide", c_long), ("capacity", c_long), ("gelu", c_long), ("half", c_long * 2),
        ("eps", c_float), ("offset", c_float), ("scale", c_float), ("score_cap", c_float), ("logit_cap", c_float),
        ("embed_scale", c_float), ("turn_scale", c_float * 2),
    )  # fmt: skip


class CRow(Structure):
    _fields_ = (
        ("id", c_long), ("length", c_long), ("frequencies", c_void_p * 2), ("adapter", POINTER(CFactors)),
    )  # fmt: skip


class Factors:
    """An adapter's part in every matrix, in the order of layers and `MATRICES`; None where it has none.

    Each is (A [ranks, in], scaled and block-diagonal B transposed [ranks, out], gains [out] or None), as `ReadyLora`
    holds them.
    """

    def __init__(self, parts: Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None] | None]) -> None:
        self.table = (CFactors * len(parts))()
        self.low = 0
        self._kept: list[torch.Tensor] = []
        for place, part in zip(self.table, parts, strict=True):
            if part is None:
                continue
            down, up, gain = part
            rank, outputs = up.shape
            padded = -(-rank // LOW) * LOW
            across = down.new_zeros(down.shape[1], padded)
            across[:, :rank] = down.t()
            whole = up.new_zeros(rank, -(-outputs // WIDTH) * WIDTH)
            whole[:, :outputs] = up
            blocks = whole.view(rank, -1, WIDTH).transpose(0, 1).contiguous()
            spans = _spans(blocks)
            self._kept += [across, blocks, spans, *([] if gain is None else [gain])]
            place.down, place.up, place.spans = across.data_ptr(), blocks.data_ptr(), spans.data_ptr()
            place.gain = None if gain is None else gain.data_ptr()
            place.rank, place.padded = rank, padded
            self.low = max(self.low, padded)


def _spans(blocks: torch.Tensor) -> torch.Tensor:
    """[blocks, 2]: of [blocks, ranks, 64] the first rank that is not zero, and the one behind the last."""
    used = (blocks != 0).any(-1)
    places = torch.arange(1, used.shape[1] + 1).expand_as(used)
    last = places.masked_fill(~used, 0).amax(-1)
    first = places.masked_fill(~used, used.shape[1] + 1).amin(-1) - 1
    return torch.stack((first.minimum(last), last), -1).contiguous()


class Scratch:
    """Memory that a step works in; it grows and stays."""

    def __init__(self) -> None:
        self._numbers, self._scores = torch.empty(0), torch.empty(0)
        self._phases = torch.empty(0, dtype=torch.int64)

    def room(self, numbers: int, phases: int) -> tuple[int, int]:
        """Addresses of so many float32 numbers and phases."""
        if len(self._numbers) < numbers:
            self._numbers = torch.empty(numbers)
        if len(self._phases) * 8 < phases * PHASE:
            self._phases = torch.empty(phases * PHASE // 8, dtype=torch.int64)
        return self._numbers.data_ptr(), self._phases.data_ptr()

    def scores(self, count: int, vocabulary: int) -> torch.Tensor:
        """[count, vocabulary], the same memory at each call: fresh pages for it would cost a tenth of a step."""
        if len(self._scores) < count * vocabulary:
            self._scores = torch.empty(count * vocabulary)
        return self._scores[: count * vocabulary].view(count, vocabulary)


def step(run: Any, model: CModel, rows: Array[CRow], low: int, scratch: Scratch) -> torch.Tensor:
    """[rows, V] float32 scores of the next tokens, in memory that the next step uses again; each sequence's new key and
    value are in its cache afterwards.

    `run` is the compiled function, `low` the most low ranks of an adapter among the rows (0: no row has one).
    """
    count, threads, size = len(rows), torch.get_num_threads(), model.size
    products = sum(map(_whole, (model.hidden, (model.heads + 2 * model.kv_heads) * size, 2 * model.wide)))
    wide = 2 * model.hidden + model.heads * size + model.wide + products + low + 2 * sum(model.half)
    memory, phases = scratch.room(count * wide + threads * (model.capacity + LANES), 12 * model.depth + 3)
    logits = scratch.scores(count, _whole(model.head.outputs))
    places = (c_void_p(memory), c_void_p(phases), compiled.at(logits))
    run(byref(model), rows, c_long(count), c_long(low), *places, c_int(threads))
    return logits[:, : model.head.outputs]


def _whole(outputs: int) -> int:
    """Outputs of whole blocks."""
    return -(-outputs // WIDTH) * WIDTH
