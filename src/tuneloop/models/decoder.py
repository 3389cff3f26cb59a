"""Our own dense decoder: one module for all families that a `Shape` can describe.

Weights that share an input are one parameter (`qkv`, `gate_up`); records come packed, so every layer works on one
[tokens, hidden] matrix.  A layer hands on its residual stream and, apart from it, what is still to be added (`delta`):
the next layer's norm does the addition.

    attend(layer, q, k, v) → [T, H·D]     how tokens see each other: packed records, or a key/value cache
    overlay                               where adapters take part (`overlay.py`)

Not covered: mixture of experts, latent attention, interleaved rotation, dropout (there is none), tensor parallelism.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tuneloop.models import rotary
from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.kernels.blocks import Blocks
from tuneloop.models.kernels.gate import gated
from tuneloop.models.kernels.heads import Layout, rotated_heads
from tuneloop.models.kernels.norm import add_norm, norm
from tuneloop.models.overlay import BARE, Overlay
from tuneloop.models.prefix import Prefixed
from tuneloop.models.quantized import Kind, Matrix, QuantizedMatrix, quantize
from tuneloop.models.recomputing import recomputed
from tuneloop.models.shape import Shape

MATRICES = ("qkv", "o", "gate_up", "down")
Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Layer(nn.Module):
    """One block: attention, then the gated MLP, each after its norm.

    Its four matrices are parameters, or a `QuantizedMatrix` each; `matrices` is the device they are made on.
    """

    def __init__(self, shape: Shape, index: int, matrices: torch.device | str, **place: Any) -> None:
        super().__init__()
        self.shape, self.index = shape, index
        self.layout = Layout(shape.heads, shape.kv_heads, shape.head_dim, shape.eps, shape.norm_offset)
        hidden, wide, fused = shape.hidden, shape.intermediate, shape.q_rows + 2 * shape.kv_rows
        large = {**place, "device": matrices}
        self.norm1 = _empty(hidden, **place)
        self.qkv = _matrix(fused, hidden, **large)
        self.qkv_bias = _empty(fused, **place) if shape.qkv_bias else None
        self.q_norm = _empty(shape.head_dim, **place) if shape.head_norm else None
        self.k_norm = _empty(shape.head_dim, **place) if shape.head_norm else None
        self.o = _matrix(hidden, shape.q_rows, **large)
        self.o_bias = _empty(hidden, **place) if shape.o_bias else None
        self.norm1_after = _empty(hidden, **place) if shape.after_norm else None
        self.norm2 = _empty(hidden, **place)
        self.gate_up = _matrix(2 * wide, hidden, **large)
        self.gate_up_bias = _empty(2 * wide, **place) if shape.mlp_bias else None
        self.down = _matrix(hidden, wide, **large)
        self.down_bias = _empty(hidden, **place) if shape.mlp_bias else None
        self.norm2_after = _empty(hidden, **place) if shape.after_norm else None
        self.head_weights: torch.Tensor | None = None

    def forward(
        self,
        x: torch.Tensor,
        delta: torch.Tensor | None,
        cos: torch.Tensor,
        sin: torch.Tensor,
        attend: Attend,
        overlay: Overlay,
        rows: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[T, hidden] twice → the same; with `rows`, only those of them leave the attention."""
        shape = self.shape
        x, h = _normed(x, delta, self.norm1, shape)
        q, k, v = rotated_heads(self._linear("qkv", h, overlay), cos, sin, self._norm_of_heads(), self.layout)
        seen = attend(self.index, q, k, v)
        if rows is not None:
            x, seen = x[rows], seen[rows]
            overlay = overlay.cut(rows)
        delta = overlay.after(self.index, "attention", self._linear("o", seen, overlay))
        if self.norm1_after is not None:
            delta = norm(delta, self.norm1_after, shape.eps, shape.norm_offset)
        x, h = _normed(x, delta, self.norm2, shape)
        wide = gated(self._linear("gate_up", h, overlay), shape.activation)
        delta = overlay.after(self.index, "mlp", self._linear("down", wide, overlay))
        if self.norm2_after is not None:
            delta = norm(delta, self.norm2_after, shape.eps, shape.norm_offset)
        return x, delta

    def _linear(self, name: str, x: torch.Tensor, overlay: Overlay) -> torch.Tensor:
        return overlay.linear(self.index, name, x, getattr(self, name), getattr(self, f"{name}_bias", None))

    def settle(self) -> None:
        """Compute once what answering needs at each step; the weights may not change afterwards."""
        self.head_weights = self._norm_of_heads()

    def _norm_of_heads(self) -> torch.Tensor | None:
        """[H+K, D] the norm's weight of each query and key head."""
        if self.q_norm is None or self.k_norm is None or self.head_weights is not None:
            return self.head_weights
        shape = self.shape
        q = self.q_norm.expand(shape.heads, shape.head_dim)
        return torch.cat((q, self.k_norm.expand(shape.kv_heads, shape.head_dim)))


class Decoder(nn.Module):
    """Token ids in, final hidden rows out; `vocabulary` turns them into logits.

    With `hollow` the layers' matrices take no memory until `quantize` is given each.
    """

    def __init__(
        self, shape: Shape, dtype: torch.dtype, device: torch.device | str = "cpu", *, hollow: bool = False
    ) -> None:
        super().__init__()
        place: dict[str, Any] = {"dtype": dtype, "device": device}
        matrices = "meta" if hollow else device
        self.shape = shape
        self.checkpointing = False
        self.embed = _empty(shape.vocab, shape.hidden, **place)
        self.layers = nn.ModuleList(Layer(shape, index, matrices, **place) for index in range(shape.layers))
        self.norm = _empty(shape.hidden, **place)
        self.head = None if shape.tied else _empty(shape.vocab, shape.hidden, **place)
        self.scoring: Blocks | None = None

    @property
    def vocabulary(self) -> nn.Parameter:
        """[V, hidden] the matrix from hidden rows to logits."""
        return self.embed if self.head is None else self.head

    def weights(self) -> dict[str, Matrix]:
        """Parameters by name, and matrices that are held in another way."""
        others = {name: part for name, part in self.named_modules() if isinstance(part, QuantizedMatrix | Blocks)}
        return {**dict(self.named_parameters()), **others}

    def quantize(self, name: str, weight: torch.Tensor, kind: Kind) -> None:
        """Hold a layer's matrix (`layers.0.qkv`) as the codes of `weight`, in the place of its parameter."""
        owner, _, last = name.rpartition(".")
        layer = self.get_submodule(owner)
        delattr(layer, last)
        setattr(layer, last, quantize(weight, kind))

    def settle(self) -> None:
        """Compute once what answering needs at each step; the weights may not change afterwards."""
        for layer in self.layers:
            assert isinstance(layer, Layer)
            layer.settle()

    def turn(self) -> None:
        """Lay the matrix of the scores out by columns, as the others are: a tenth of a step's time with torch alone."""
        weight = self.vocabulary
        if weight.device.type == "cpu":
            weight.data = weight.data.t().contiguous().t()

    def lay_out(self) -> None:
        """Hold the matrices in blocks, for answering alone: nothing can be trained or saved afterwards.

        One matrix is held twice at a time.  Quantized ones stay as they are.
        """
        self.scoring = Blocks(self.vocabulary.detach())
        if self.head is not None:
            self.head.data = self.head.data.new_empty(0, self.shape.hidden)
        for layer in self.layers:
            for name in MATRICES:
                weight = getattr(layer, name)
                if isinstance(weight, nn.Parameter):
                    delattr(layer, name)
                    setattr(layer, name, Blocks(weight.detach()))

    def forward(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        lengths: Sequence[int],
        *,
        attend: Attend | None = None,
        overlay: Overlay = BARE,
        rows: torch.Tensor | None = None,
        reach: Sequence[int] | None = None,
        inserted: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Hidden rows after the last norm, [T, hidden], or only `rows` of them.

        `lengths` are the tokens of each record that are here; `reach` the length each may come to, where that is more
        (some rotations go by it).  Without `attend`, tokens see those before them in their record.  Where ids are -1
        stand the rows `inserted`, in order, instead of embeddings.
        """
        shape = self.shape
        angles = {False: rotary.tables(shape.rope, positions, lengths, reach)}
        if shape.local_rope is not None:
            angles[True] = rotary.tables(shape.local_rope, positions, lengths, reach)
        order = None
        if attend is None:
            plan = Plan.of(lengths, ids.device)
            attend = self._packed(plan, overlay, lengths)
            if plan.order is not None and plan.back is not None:  # the rows that leave stand as they were asked for
                order, rows = plan.order, plan.back if rows is None else plan.back[rows]
                angles = {local: (cos[order], sin[order]) for local, (cos, sin) in angles.items()}
        x = self._embedded(ids, order, inserted)
        delta = None
        recompute = self.checkpointing and torch.is_grad_enabled()
        for index, layer in enumerate(self.layers):
            cut = rows if index == shape.layers - 1 else None
            inputs = (x, delta, *angles[shape.uses_local_rope(index)], attend, overlay, cut)
            x, delta = recomputed(layer, *inputs) if recompute else layer(*inputs)
        return _normed(x, delta, self.norm, shape)[1]

    def _embedded(self, ids: torch.Tensor, order: torch.Tensor | None, inserted: torch.Tensor | None) -> torch.Tensor:
        """[T, hidden] token embeddings, `inserted` rows among them, in `order`."""
        if inserted is None:
            return self._scaled(F.embedding(ids if order is None else ids[order], self.embed))
        x = self._scaled(F.embedding(ids.clamp(min=0), self.embed))
        x = x.index_copy(0, (ids < 0).nonzero().squeeze(1), inserted.to(x.dtype))
        return x if order is None else x[order]

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.shape.embed_scale
        return x if scale == 1.0 else x * torch.tensor(scale, dtype=x.dtype)

    def _packed(self, plan: Plan, overlay: Overlay, lengths: Sequence[int]) -> Attend:
        shape = self.shape
        if overlay.prefix_length:
            falling = sorted(lengths, reverse=True)
            return Prefixed(shape, [overlay] * len(falling), falling, self.norm.device)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return attention(q, k, v, plan, scale=shape.scale, window=shape.window(layer), cap=shape.score_cap)

        return attend


def _empty(*size: int, **place: Any) -> nn.Parameter:
    return nn.Parameter(torch.empty(*size, **place))


def _matrix(outputs: int, inputs: int, **place: Any) -> nn.Parameter:
    """[outputs, inputs], laid out by columns: products with 4 to 16 rows, as in writing answers, then run 1.6 to 4
    times as fast (float32, MKL, 2048 x 512 and others), and products with many rows as before."""
    return nn.Parameter(torch.empty(inputs, outputs, **place).t())


def _normed(
    x: torch.Tensor, delta: torch.Tensor | None, weight: torch.Tensor, shape: Shape
) -> tuple[torch.Tensor, torch.Tensor]:
    if delta is None:
        return x, norm(x, weight, shape.eps, shape.norm_offset)
    return add_norm(x, delta, weight, shape.eps, shape.norm_offset)
