"""What one micro-batch holds beside the weights: bytes kept for the backward pass, and the largest moment of that pass.

A walk over the decoder's layers that allocates and frees on paper what `models/kernels/` allocates and frees; letters
as there: T tokens, N rows with a target, h hidden, W the MLP's width, q and k the rows of all query and key heads.

The forward keeps, per layer: the residual stream before each norm and the norms' outputs (inputs of linear layers that
move or carry LoRA), the fused projection (values are a view of it), rotated queries and keys, the attention's output
and totals, gate and up, and their product.  In the last layer only the N rows leave the attention.

Two costs are of the system and not of the operations.  On processors glibc keeps blocks below 32 MB when they are freed
and puts smaller ones into the gaps: `GAPS`, which checkpointing escapes (allocation.py).  Products in bfloat16 are
summed in a float32 buffer of the result's size.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuneloop.models.shape import Shape
from tuneloop.models.tunings import Tuning, linears

MAPPED = 32 * 1024**2
"""Bytes from which on glibc gives each block its own pages, and takes them back when it is freed."""
GAPS = 0.12
"""Lost between smaller blocks, as a share of what they keep: 8 to 13 % on models of 25 and 40 million parameters."""
CHUNK = 8 * 1024 * 1024
"""Logits at a time; `kernels.nll.CHUNK`, which a test holds equal."""
BLOCK = 32
"""Queries whose scores a thread holds; `kernels.attention.BLOCK`."""


@dataclass
class Moment:
    """Bytes in use at a moment, by kind."""

    activations: int = 0
    attention: int = 0
    logits: int = 0
    scratch: int = 0

    @property
    def total(self) -> int:
        return self.activations + self.attention + self.logits + self.scratch


@dataclass(frozen=True)
class Batch:
    """`tokens` T in all, of `records`, of them `rows` N with a target; `longest` record; `size` bytes per number."""

    tokens: int
    rows: int
    longest: int
    size: int
    checkpointing: bool
    on_gpu: bool
    threads: int
    records: int = 1


def largest_moment(shape: Shape, tuning: Tuning, batch: Batch) -> Moment:
    """The largest moment of forward and backward, beyond weights and optimizer states."""
    return max(_Walk(shape, tuning, batch).moments(), key=lambda moment: moment.total)


@dataclass(frozen=True)
class _Kept:
    """Bytes that one layer keeps, in the order of its operations; `heads` is the attention's part, `small` what lies in
    blocks that stay with the process."""

    before: int
    heads: int = 0
    middle: int = 0
    up_input: int = 0
    gate_up: int = 0
    product: int = 0
    small: int = 0

    @property
    def activations(self) -> int:
        return self.before + self.middle + self.up_input + self.gate_up + self.product


class _Walk:
    def __init__(self, shape: Shape, tuning: Tuning, batch: Batch) -> None:
        self.shape, self.tuning, self.batch = shape, tuning, batch
        self.sizes = linears(shape)
        self.layers = range(tuning.lowest, shape.layers)

    def moments(self) -> list[Moment]:
        kept = [self.entry(index) if self.batch.checkpointing else self.kept(index) for index in self.layers]
        small = sum(one.small for one in kept)
        gaps = round(GAPS * small)
        held = Moment(sum(one.activations for one in kept), sum(one.heads for one in kept), 0, gaps)
        found = self.vocabulary(held)
        if self.summed and kept:  # the forward's widest product, in the last layer
            wide = self.rows(self.shape.layers - 1) * self.shape.intermediate
            found.append(Moment(held.activations - kept[-1].product, held.attention, 0, gaps + 4 * 2 * wide))
        # The output matrix's gradient waits for the embedding's where they are one.
        waiting = self.matrix if self.tuning.vocabulary and self.shape.tied else 0
        for index, one in list(zip(self.layers, kept, strict=True))[::-1]:
            if self.batch.checkpointing:
                full = self.kept(index)
                now = Moment(held.activations + full.activations, held.attention + full.heads)
                found += self.backward(index, full, now, waiting)
            else:
                found += self.backward(index, one, held, waiting)
            # gaps stay when what lies between them goes
            held = Moment(held.activations - one.activations, held.attention - one.heads, 0, gaps)
        if self.tuning.vocabulary:
            # The embedding's gradient comes last; what was freed before it is the process's still, and of no use to it.
            left = max(self.stream(self.batch.tokens), small)
            found.append(Moment(left, 0, waiting + self.matrix, gaps))
        return found

    @property
    def summed(self) -> bool:
        """Products are summed in float32 buffers of their own."""
        return self.batch.size < 4 and not self.batch.on_gpu

    @property
    def matrix(self) -> int:
        """The vocabulary matrix in the dtype of computation."""
        return self.shape.vocab * self.shape.hidden * self.batch.size

    def stream(self, rows: int) -> int:
        return rows * self.shape.hidden * self.batch.size

    def rows(self, index: int) -> int:
        """Rows behind the attention."""
        return self.batch.rows if index == self.shape.layers - 1 else self.batch.tokens

    def entry(self, index: int) -> _Kept:
        """With checkpointing a layer keeps what goes in: the stream, and what is still to be added to it."""
        return _Kept(self.stream(self.batch.tokens) * (2 if index else 1))

    def kept(self, index: int) -> _Kept:
        shape, moved, size = self.shape, self.tuning.kept, self.batch.size
        tokens, rows = self.batch.tokens, self.rows(index)
        stream, short, per_row = self.stream(tokens), self.stream(rows), 4
        before = stream + tokens * per_row + stream * ("qkv" in moved)
        down = rows * shape.intermediate * size
        ranks = self.tuning.ranks
        low = sum(rank * size * (tokens if name == "qkv" else rows) for name, rank in ranks.items())
        copies = sum(rank * size * sum(self.sizes[name]) for name, rank in ranks.items())
        extra = tokens * size * self.tuning.extra_kept
        middle = short * (3 if shape.after_norm else 1) + rows * per_row + low + copies + extra
        up_input, product = short * ("gate_up" in moved), down * ("down" in moved)
        blocks = [stream] * 2 + [short] * 2 + [2 * down, down, self.fused, tokens * size * shape.q_rows]
        small = 0 if self.batch.on_gpu else sum(one for one in blocks if one < MAPPED)
        return _Kept(before, self.kept_heads(rows), middle, up_input, 2 * down, product, small)

    @property
    def fused(self) -> int:
        """The fused projection of all tokens."""
        return self.batch.tokens * self.batch.size * (self.shape.q_rows + 2 * self.shape.kv_rows)

    def kept_heads(self, rows: int) -> int:
        """From the fused projection to the attention's output."""
        shape, size, tokens = self.shape, self.batch.size, self.batch.tokens
        seen = tokens * size * shape.q_rows
        turned = tokens * size * (shape.q_rows + shape.kv_rows)
        angles = tokens * size * shape.rope.dim * (size < 4)  # rounded for each layer
        heads = self.fused + turned + 4 * tokens * shape.heads
        if self.tuning.prefix:  # queries, keys and values are copied into rows with the prefix's, and kept twice
            wide = self.batch.records * self.tuning.prefix + tokens
            heads += wide * size * (shape.q_rows + 2 * shape.kv_rows)
        if shape.head_norm:
            heads += 4 * tokens * (shape.heads + shape.kv_heads)
        if "o" in self.tuning.kept or self.batch.on_gpu:
            heads += seen
        if rows < self.batch.tokens and "o" in self.tuning.kept:
            heads += rows * size * shape.q_rows
        return heads + angles

    def gradient(self, name: str) -> int:
        """The gradient of a linear layer's weight before it is added up; dequantized weights, where stored in bits."""
        outputs, inputs = self.sizes[name]
        made = outputs * inputs * self.batch.size if self.tuning.bits else 0
        if self.tuning.own and name in self.tuning.kept:
            made += outputs * inputs * (self.batch.size + 4 * self.summed)
        return made

    def backward(self, index: int, kept: _Kept, held: Moment, waiting: int) -> list[Moment]:
        """The moments of one layer's backward pass, from its last operation to its first."""
        shape, size = self.shape, self.batch.size
        tokens, rows = self.batch.tokens, self.rows(index)
        stream, wide = self.stream(rows), rows * shape.intermediate * size
        fused = self.fused
        twin = 3 * 4 * rows * shape.hidden if self.batch.on_gpu else 0  # float32 copies inside the norm
        found: list[Moment] = []

        def note(extra: int, scratch: int, freed_heads: int = 0) -> None:
            activations = held.activations + extra
            found.append(Moment(activations, held.attention - freed_heads, waiting, held.scratch + scratch))

        note(stream + wide, self.gradient("down") + 4 * rows * shape.intermediate * self.summed)
        done = kept.product
        note(stream + 3 * wide - done, 0)
        done += kept.gate_up
        note(2 * stream + 2 * wide - done, self.gradient("gate_up"))
        done += kept.up_input
        note(3 * stream - done, twin)
        done += kept.middle
        into = self.stream(tokens)
        note(into + tokens * size * shape.q_rows - done, self.gradient("o"))
        note(into + tokens * size * shape.q_rows + fused - done, self.attention_scratch())
        note(into + 2 * fused - done, 0)
        note(2 * into + fused - done, self.gradient("qkv"), kept.heads)
        return found

    def attention_scratch(self) -> int:
        """Float32 rows of the longest record, per thread (attention.c, backward)."""
        if self.batch.on_gpu:
            return 0
        size = self.shape.head_dim
        rows, width = -(-self.batch.longest // 16) * 16, -(-size // 16) * 16
        room = 2 * size * rows + 5 * width * rows + 2 * BLOCK * rows + BLOCK * width
        return 4 * room * self.batch.threads

    def vocabulary(self, held: Moment) -> list[Moment]:
        """The last norm, the logits a chunk at a time, and the backward pass of both."""
        shape, batch = self.shape, self.batch
        if not batch.rows:
            return [held]
        rows = self.stream(batch.rows)
        step = max(BLOCK, CHUNK // shape.vocab)
        chunk = batch.rows / -(-batch.rows // step) * shape.vocab
        per_logit = batch.size + 4 * self.summed
        if batch.on_gpu or shape.logit_cap:
            per_logit = 4 if batch.size == 4 else 8
        logits = round(chunk * per_logit) * (2 if shape.logit_cap else 1)
        matrix = shape.vocab * shape.hidden if self.tuning.vocabulary else 0
        made = 4 * matrix + (matrix * batch.size if batch.size < 4 else 0)
        at_forward = Moment(held.activations + 3 * rows, held.attention, logits + made, held.scratch)
        turned = batch.rows * shape.hidden * (4 if batch.size == 4 else 6)
        at_backward = Moment(held.activations + 3 * rows + turned, held.attention, made, held.scratch)
        return [at_forward, at_backward]
