"""The shape of a model that is not loaded: from its `config.json`, or from the figures of a catalogue.

For estimates only: where our decoder cannot be the model, its sizes are read all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tuneloop.errors import ModelError, Where
from tuneloop.models.config_keys import PlainNeeded
from tuneloop.models.family import read_shape
from tuneloop.models.shape import Rope, Shape
from tuneloop.models.tunings import parameters as count

USUAL = {
    0.13e9: (30, 576),
    0.5e9: (24, 896),
    1.5e9: (28, 1536),
    3e9: (36, 2048),
    7e9: (32, 4096),
    13e9: (40, 5120),
    32e9: (64, 5120),
    70e9: (80, 8192),
    400e9: (126, 16384),
}
"""Layers and width that are usual for a number of parameters (SmolLM, Qwen 2.5, Llama 2 and 3, from their configs)."""
OLDER = {"n_embd": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads"}
"""GPT-2's names for what others call otherwise."""


def from_config(config: Mapping[str, Any]) -> Shape:
    """The shape of a `config.json`; raises ModelError where it does not say width, layers, heads and vocabulary."""
    try:
        return read_shape(config)[1]
    except PlainNeeded:
        return _sizes({OLDER.get(key, key): value for key, value in config.items()})


def _sizes(config: Mapping[str, Any]) -> Shape:
    needed = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    for key in needed:
        if not isinstance(config.get(key), int):
            raise ModelError(
                f"found {key} {config.get(key)!r}",
                expected="a whole number",
                where=Where(file="config.json", field=key),
            )
    hidden, layers, heads, vocab = (int(config[key]) for key in needed)
    wide = int(config.get("intermediate_size") or config.get("n_inner") or 4 * hidden)
    # Two matrices of this width where there is no gate: as many numbers as three of two thirds.
    gated = config.get("model_type") not in ("bert", "gpt2", "gpt_neox", "roberta", "opt", "bloom", "falcon", "phi")
    return from_sizes(
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or hidden // heads),
        intermediate=wide if gated else 2 * wide // 3,
        vocab=vocab,
        tied=bool(config.get("tie_word_embeddings", True)),
        context=int(config.get("max_position_embeddings") or config.get("n_positions") or 2048),
    )


def from_sizes(
    *, hidden: int, layers: int, heads: int, kv_heads: int, head_dim: int, intermediate: int, vocab: int, tied: bool,
    context: int = 2048,
) -> Shape:  # fmt: skip
    """A Llama-like shape of these sizes."""
    return Shape(
        family="llama",
        vocab=vocab,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=intermediate,
        eps=1e-6,
        max_positions=context,
        tied=tied,
        rope=Rope("default", 10000.0, head_dim, context),
    )


def from_figures(
    parameters: float,
    *,
    hidden: int | None = None,
    layers: int | None = None,
    heads: int | None = None,
    kv_heads: int | None = None,
    head_dim: int | None = None,
    intermediate: int | None = None,
    vocab: int | None = None,
    tied: bool | None = None,
    context: int | None = None,
) -> Shape:
    """A shape with about `parameters` weights and whatever else is known; the rest is as usual for that size.

    The width of the MLP, where unknown, is what brings the count to `parameters`.
    """
    nearest = min(USUAL, key=lambda size: abs(math.log(size / parameters)))
    layers = layers or USUAL[nearest][0]
    hidden = hidden or USUAL[nearest][1]
    head_dim = head_dim or (hidden // heads if heads else 128 if hidden >= 2048 else 64)
    heads = heads or hidden // head_dim
    sizes: dict[str, Any] = {
        "hidden": hidden,
        "layers": layers,
        "heads": heads,
        "kv_heads": kv_heads or max(1, heads // 4),
        "head_dim": head_dim,
        "vocab": vocab or 128_000,
        "tied": parameters < 4e9 if tied is None else tied,
        "context": context or 32_768,
    }
    without = count(from_sizes(intermediate=0, **sizes))
    width = intermediate or max(hidden, round((parameters - without) / (3 * hidden * layers)))
    return from_sizes(intermediate=width, **sizes)
