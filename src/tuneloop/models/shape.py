"""What a decoder is made of: the numbers and switches that our own decoder understands.

A family (`families/`) reads a Hugging Face `config.json` into a `Shape`; the decoder is built from the shape alone and
knows no family by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ROPE_KINDS = ("default", "linear", "dynamic", "llama3", "yarn", "longrope")
"""The frequency rules of `rotary.py`; they stand here so that reading a config loads no torch."""


@dataclass(frozen=True)
class Rope:
    """A rotary position embedding: `kind` names the frequency rule, `dim` the rotated part of a head.

    `options` are the rule's own numbers as the config names them (factor, low_freq_factor, …); `context` is the
    length the model was made for (`max_position_embeddings`).
    """

    kind: str
    theta: float
    dim: int
    context: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """Sizes count elements; optional parts are off by default, so that the bare shape is Llama's.

    family         name of the family, a member of `families/`
    norm_offset    1.0 where the stored norm weight means `1 + w` (Gemma), else 0.0
    head_norm      per-head RMSNorm on queries and keys before the rotation
    after_norm     further norms on the outputs of attention and MLP, before they are added (Gemma 2 and 3)
    windows        per layer: how many last positions a token sees, itself included; None: all
    score_scale    factor on query-key products (default: head size to the power -1/2)
    score_cap, logit_cap   soft caps `cap * tanh(x / cap)` on attention scores and on logits
    embed_scale    factor on token embeddings
    """

    family: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    eps: float
    max_positions: int
    tied: bool
    rope: Rope
    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False
    head_norm: bool = False
    after_norm: bool = False
    norm_offset: float = 0.0
    activation: Literal["silu", "gelu_tanh"] = "silu"
    windows: tuple[int | None, ...] = ()
    local_rope: Rope | None = None
    score_scale: float = 0.0
    score_cap: float | None = None
    logit_cap: float | None = None
    embed_scale: float = 1.0

    @property
    def scale(self) -> float:
        return self.score_scale or self.head_dim**-0.5

    def window(self, layer: int) -> int | None:
        return self.windows[layer] if self.windows else None

    def uses_local_rope(self, layer: int) -> bool:
        """Layers with a window use the local rotation where the family has one (Gemma 3)."""
        return self.local_rope is not None and self.window(layer) is not None

    @property
    def q_rows(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_rows(self) -> int:
        return self.kv_heads * self.head_dim
