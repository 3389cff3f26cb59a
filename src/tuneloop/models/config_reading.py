"""Reading a `config.json` with Llama's key names: sizes, rotation, sliding windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuneloop.models.config_keys import Config, PlainNeeded
from tuneloop.models.shape import ROPE_KINDS, Rope, Shape
from tuneloop.wording import Words

ROPE_OPTIONS = frozenset(
    {
        "type",
        "rope_type",
        "rope_theta",
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
        "attention_factor",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
        "truncate",
        "short_factor",
        "long_factor",
        "partial_rotary_factor",
    }
)


def read_rope(config: Config, head_dim: int, *, part: float = 1.0, kind_of_layer: str = "") -> Rope:
    """The rotation of a config in the old form (`rope_theta`, `rope_scaling`) or the new (`rope_parameters`).

    `part` is the rotated share of a head; `kind_of_layer` picks its parameters where they are nested by kind.
    """
    options = dict(config.get("rope_scaling") or config.get("rope_parameters") or {})
    if isinstance(options.get(kind_of_layer), Mapping):
        options = dict(options[kind_of_layer])
    unknown = sorted(set(options) - ROPE_OPTIONS)
    kind = str(options.get("rope_type") or options.get("type") or "default")
    if kind == "su":  # the name of longrope in early Phi-3 files
        kind = "longrope"
    if unknown or kind not in ROPE_KINDS:
        raise PlainNeeded(
            Words(
                "The rotary embedding {what!r} is unknown to the fast path: transformers runs it.",
                "快速路径不认识旋转位置编码 {what!r}，由 transformers 运行。",
            ).format(what=unknown[0] if unknown else kind)
        )
    theta = float(options.get("rope_theta") or config.get("rope_theta") or 10000.0)
    context = int(config["max_position_embeddings"])
    trained = config.get("original_max_position_embeddings") or options.get("original_max_position_embeddings")
    options["original_max_position_embeddings"] = int(trained or context)
    return Rope(kind, theta, int(head_dim * part), context, options)


def llama_like(family: str, config: Config, **differences: Any) -> Shape:
    """The shape of a config with Llama's key names; `differences` replace or add fields of `Shape`."""
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    head_dim = int(config.get("head_dim") or hidden // heads)
    fields: dict[str, Any] = {
        "family": family,
        "vocab": int(config["vocab_size"]),
        "hidden": hidden,
        "layers": int(config["num_hidden_layers"]),
        "heads": heads,
        "kv_heads": int(config.get("num_key_value_heads") or heads),
        "head_dim": head_dim,
        "intermediate": int(config["intermediate_size"]),
        "eps": float(config["rms_norm_eps"]),
        "max_positions": int(config["max_position_embeddings"]),
        "tied": bool(config["tie_word_embeddings"]),
    }
    if "rope" not in differences:
        differences["rope"] = read_rope(config, head_dim)
    return Shape(**{**fields, **differences})


def sliding_layers(config: Config, window: int | None, otherwise: list[str]) -> tuple[int | None, ...]:
    """`Shape.windows` from `layer_types` (or `otherwise`, where the config has none); empty when no layer slides."""
    kinds = config.get("layer_types") or otherwise
    unknown = set(kinds) - {"full_attention", "sliding_attention"}
    if unknown:
        raise PlainNeeded(
            Words(
                "The layer type {kind!r} is unknown to the fast path: transformers runs it.",
                "快速路径不认识层类型 {kind!r}，由 transformers 运行。",
            ).format(kind=min(unknown))
        )
    windows = tuple(window if kind == "sliding_attention" else None for kind in kinds)
    return windows if any(windows) else ()


def qwen_windows(config: Config) -> tuple[int | None, ...]:
    """Qwen's windows: layers from `max_window_layers` on, and only where `use_sliding_window` says so."""
    window = config["sliding_window"] if config.get("use_sliding_window") else None
    first = config["max_window_layers"]
    kinds = [
        "sliding_attention" if index >= first else "full_attention" for index in range(config["num_hidden_layers"])
    ]
    return sliding_layers(config, window, kinds)
