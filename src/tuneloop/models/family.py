"""The contract of a model family: how its `config.json` and its weight names map to our decoder.

A family is a member of `families/`, named as `model_type` in the config.  It lists the config keys that it understands;
`read_shape` sends a model with any other key to the plain path and names the key, so that nothing is ever ignored that
might change the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from tuneloop.errors import ModelError, Where
from tuneloop.models import rotary
from tuneloop.models.shape import Rope, Shape
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

Config = Mapping[str, Any]

SIZES = frozenset(
    {
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "max_position_embeddings",
        "rms_norm_eps",
        "tie_word_embeddings",
        "hidden_act",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "original_max_position_embeddings",
    }
)
HARMLESS = frozenset(
    {
        "architectures",
        "model_type",
        "dtype",
        "torch_dtype",
        "transformers_version",
        "use_cache",
        "initializer_range",
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
        "unk_token_id",
        "sep_token_id",
        "decoder_start_token_id",
        "_name_or_path",
        "_attn_implementation",
        "attn_implementation",
        "_attn_implementation_autoset",
        "_commit_hash",
        "id2label",
        "label2id",
        "problem_type",
        "return_dict",
        "output_attentions",
        "output_hidden_states",
        "torchscript",
        "use_bfloat16",
        "is_decoder",
        "is_encoder_decoder",
        "cache_implementation",
        "task_specific_params",
        "unsloth_fixed",
        "unsloth_version",
        "keys_to_ignore_at_inference",
        "chunk_size_feed_forward",
        "prefix",
        "tokenizer_class",
        "gradient_checkpointing",
    }
)
"""Keys that say nothing about what the layers compute (token ids are the tokenizer's and generation's business)."""

FIXED: Mapping[str, tuple[Any, ...]] = {
    "hidden_act": ("silu", "swish"),
    "attention_dropout": (0, None),
    "resid_pdrop": (0, None),
    "embd_pdrop": (0, None),
    "pretraining_tp": (1, None),
    "add_cross_attention": (False, None),
    "is_encoder_decoder": (False, None),
}
"""Keys that may stand in a config with these values only."""

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


class Slot(NamedTuple):
    """One tensor of the files, and the rows of our parameter that hold it."""

    file_name: str
    parameter: str
    start: int
    rows: int


class PlainNeeded(Exception):
    """The decoder cannot be this model; the words say which key or value is the reason."""

    def __init__(self, why: Words) -> None:
        super().__init__(why.en)
        self.why = why


class Family(Member):
    """`keys`: config keys understood beside the common ones; `fixed`: values that are the only ones understood;
    `defaults`: what transformers assumes for absent keys."""

    architecture: ClassVar[str]
    keys: ClassVar[frozenset[str]] = frozenset()
    fixed: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}

    def shape(self, config: Config) -> Shape:
        """The shape of a checked config with defaults filled in."""
        raise NotImplementedError

    def slots(self, shape: Shape) -> list[Slot]:
        """All tensors of the files, in Llama's names unless a family has others."""
        slots = [Slot("model.embed_tokens.weight", "embed", 0, shape.vocab)]
        for index in range(shape.layers):
            slots += self.layer_slots(shape, f"model.layers.{index}", f"layers.{index}")
        slots.append(Slot("model.norm.weight", "norm", 0, shape.hidden))
        if not shape.tied:
            slots.append(Slot("lm_head.weight", "head", 0, shape.vocab))
        return slots

    def layer_slots(self, shape: Shape, file: str, ours: str) -> list[Slot]:
        """The tensors of one layer, whose names start with `file` in the files and with `ours` in the decoder."""
        hidden, q, kv, wide = shape.hidden, shape.q_rows, shape.kv_rows, shape.intermediate
        parts = [
            *_projections(
                f"{file}.self_attn", f"{ours}.qkv", {"q_proj": q, "k_proj": kv, "v_proj": kv}, shape.qkv_bias
            ),
            *_projections(f"{file}.self_attn", f"{ours}.o", {"o_proj": hidden}, shape.o_bias),
            *_projections(f"{file}.mlp", f"{ours}.gate_up", {"gate_proj": wide, "up_proj": wide}, shape.mlp_bias),
            *_projections(f"{file}.mlp", f"{ours}.down", {"down_proj": hidden}, shape.mlp_bias),
        ]
        if shape.head_norm:
            parts += [
                Slot(f"{file}.self_attn.{one}_norm.weight", f"{ours}.{one}_norm", 0, shape.head_dim) for one in "qk"
            ]
        return parts + [Slot(f"{file}.{name}.weight", f"{ours}.{norm}", 0, hidden) for name, norm in self.norms(shape)]

    def norms(self, shape: Shape) -> list[tuple[str, str]]:
        """Names of a layer's norms in the files and in the decoder."""
        return [("input_layernorm", "norm1"), ("post_attention_layernorm", "norm2")]


def _projections(file: str, ours: str, rows: Mapping[str, int], bias: bool) -> list[Slot]:
    slots, start = [], 0
    for name, count in rows.items():
        slots.append(Slot(f"{file}.{name}.weight", ours, start, count))
        if bias:
            slots.append(Slot(f"{file}.{name}.bias", f"{ours}_bias", start, count))
        start += count
    return slots


families = Registry("tuneloop.models.families", Family)


def read_shape(config: Config) -> tuple[Family, Shape]:
    """The family and shape of a `config.json`; raises `PlainNeeded` where our decoder cannot be that model."""
    name = config.get("model_type")
    if name not in families.names():
        raise PlainNeeded(
            Words(
                "The architecture {name!r} has no fast path: transformers runs it.",
                "架构 {name!r} 没有快速路径，由 transformers 运行。",
            ).format(name=name)
        )
    family = families.create(str(name))
    for key, value in config.items():
        _check_key(family, key, value)
    try:
        return family, family.shape({**family.defaults, **config})
    except KeyError as error:
        raise ModelError(
            f"the config of a {name} model has no key {error.args[0]!r}", where=Where(file="config.json")
        ) from None


def _check_key(family: Family, key: str, value: Any) -> None:
    fixed = {**FIXED, **family.fixed}
    if key in fixed:
        if value in fixed[key]:
            return
        raise PlainNeeded(
            Words(
                "The config says {key} = {value!r}, which the fast path does not do: transformers runs it.",
                "配置中 {key} = {value!r}，快速路径不支持，由 transformers 运行。",
            ).format(key=key, value=value)
        )
    if key not in SIZES | HARMLESS | family.keys:
        raise PlainNeeded(
            Words(
                "The config has a key the fast path does not know, {key!r}: transformers runs it.",
                "配置中有快速路径不认识的键 {key!r}，由 transformers 运行。",
            ).format(key=key)
        )


def read_rope(config: Config, head_dim: int, *, part: float = 1.0, local: str | None = None) -> Rope:
    """The rotation of a config in the old form (`rope_theta`, `rope_scaling`) or the new (`rope_parameters`).

    `part` is the rotated share of a head; `local` picks one layer kind's parameters where they are nested by kind.
    """
    options = dict(config.get("rope_scaling") or config.get("rope_parameters") or {})
    if local is not None and isinstance(options.get(local), Mapping):
        options = dict(options[local])
    unknown = sorted(set(options) - ROPE_OPTIONS)
    kind = str(options.get("rope_type") or options.get("type") or "default")
    if kind == "su":  # the name of longrope in early Phi-3 files
        kind = "longrope"
    if unknown or kind not in rotary.KINDS:
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
