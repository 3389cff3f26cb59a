"""The contract of a model family: how its `config.json` and its weight names map to our decoder.

A family is a member of `families/`, named as `model_type` in the config.  It lists the config keys that it understands;
`read_shape` sends a model with any other key to the plain path and names the key, so that nothing is ever ignored that
might change the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from tuneloop.errors import ModelError, Where
from tuneloop.models.config_keys import FIXED, HARMLESS, SIZES, Config, PlainNeeded
from tuneloop.models.shape import Shape
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words


class Slot(NamedTuple):
    """One tensor of the files, and the rows of our parameter that hold it."""

    file_name: str
    parameter: str
    start: int
    rows: int


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
