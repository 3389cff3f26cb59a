"""Bottleneck adapters: small two-layer networks inside every layer of the base, a format of our own.

    h ← h + up(act(down(h)))        h is what attention or MLP give, before it is added to the stream

Placements: `houlsby` after attention and MLP (arXiv 1902.00751), `pfeiffer` after the MLP alone (arXiv 2005.00247).
`up` starts at zero, so a new adapter changes nothing.  Weights are float32.

Files: `adapter_config.json` with `peft_type` BOTTLENECK, and `adapter_model.safetensors` with, for each of them,
`layers.0.mlp.down.weight` [size, hidden], `.down.bias`, `.up.weight` [hidden, size] and `.up.bias`.  PEFT has no such
type: other programs cannot load it, and it cannot be merged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, get_args

import torch
import torch.nn.functional as F

from tuneloop.errors import ModelError, UsageError, Where
from tuneloop.models.adapter import CONFIG, WEIGHTS, Adapter
from tuneloop.models.checkpoint import open_adapter
from tuneloop.models.overlay import Overlay, Part

if TYPE_CHECKING:
    from tuneloop.models.fast import FastModel
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.plain import PlainModel

Placement = Literal["houlsby", "pfeiffer"]
Activation = Literal["relu", "gelu", "silu", "tanh"]
PARTS: Mapping[str, tuple[Part, ...]] = {"houlsby": ("attention", "mlp"), "pfeiffer": ("mlp",)}
FUNCTIONS: Mapping[str, Any] = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu, "tanh": torch.tanh}

MODULES: Mapping[Part, tuple[str, ...]] = {
    "attention": ("self_attn", "attn", "self_attention", "attention.output.dense", "attention"),
    "mlp": ("mlp", "feed_forward", "ffn", "output.dense"),
}
"""What transformers calls the module of a layer whose output is added to the stream; the first that all layers have."""


class Bottleneck(NamedTuple):
    down: torch.nn.Parameter
    down_bias: torch.nn.Parameter
    up: torch.nn.Parameter
    up_bias: torch.nn.Parameter


NAMES = ("down.weight", "down.bias", "up.weight", "up.bias")


@dataclass
class BottleneckAdapter(Adapter):
    """`places` by (layer, part)."""

    needs_fast: ClassVar[str] = "bottleneck adapter"

    places: dict[tuple[int, Part], Bottleneck]
    placement: Placement
    activation: Activation
    base: str = ""

    @classmethod
    def new(
        cls, lm: LanguageModel, *, size: int, placement: Placement, activation: Activation = "relu", seed: int = 0
    ) -> BottleneckAdapter:
        """A fresh adapter: `down` uniform as torch draws a linear layer (Kaiming with a = sqrt 5), all else zero."""
        generator, hidden = torch.Generator().manual_seed(seed), lm.config.hidden
        places = {}
        for layer in range(lm.config.layers):
            for part in PARTS[placement]:
                down = torch.empty(size, hidden).uniform_(-1, 1, generator=generator) / math.sqrt(hidden)
                tensors = (down, torch.zeros(size), torch.zeros(hidden, size), torch.zeros(hidden))
                places[layer, part] = Bottleneck(*(torch.nn.Parameter(one.to(lm.device)) for one in tensors))
        return cls(places, placement, activation, lm.reference)

    @property
    def size(self) -> int:
        return len(next(iter(self.places.values())).down)

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        return [
            (f"layers.{layer}.{part}.{name}", parameter)
            for (layer, part), place in self.places.items()
            for name, parameter in zip(NAMES, place, strict=True)
        ]

    def config(self) -> dict[str, Any]:
        return {
            "peft_type": "BOTTLENECK",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base or None,
            "placement": self.placement,
            "size": self.size,
            "activation": self.activation,
            "inference_mode": True,
        }

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any], lm: LanguageModel) -> Self:
        placement: Any = config.get("placement")
        activation: Any = config.get("activation")
        if placement not in get_args(Placement) or activation not in get_args(Activation):
            raise ModelError(
                f"says placement {placement!r}, activation {activation!r}",
                expected=f"{' or '.join(get_args(Placement))}; {', '.join(get_args(Activation))}",
                where=Where(file=folder / CONFIG),
            )
        tensors = {name: one.float() for name, one in open_adapter(folder / WEIGHTS).items()}
        wanted = {
            (layer, part): f"layers.{layer}.{part}" for layer in range(lm.config.layers) for part in PARTS[placement]
        }
        _check(tensors, list(wanted.values()), lm.config.hidden, folder / WEIGHTS)
        places = {
            place: Bottleneck(*(torch.nn.Parameter(tensors[f"{where}.{name}"]) for name in NAMES))
            for place, where in wanted.items()
        }
        return cls(places, placement, activation, str(config.get("base_model_name_or_path") or ""))

    def added(self, place: Bottleneck, h: torch.Tensor) -> torch.Tensor:
        """[…, hidden] → the same, the adapter's part included."""
        down, down_bias, up, up_bias = (one.to(h.dtype) for one in place)
        low = FUNCTIONS[self.activation](F.linear(h, down, down_bias))
        return h + F.linear(low, up, up_bias)

    def overlay(self, lm: FastModel) -> Overlay:
        return BottleneckOverlay(self)

    def hooks(self, lm: PlainModel) -> list[Any]:
        found = {part: _modules(lm, part) for part in PARTS[self.placement]}
        return [
            found[part][layer].register_forward_hook(_adds(self, place)) for (layer, part), place in self.places.items()
        ]


class BottleneckOverlay(Overlay):
    def __init__(self, adapter: BottleneckAdapter) -> None:
        self.adapter = adapter

    def after(self, layer: int, part: Part, h: torch.Tensor) -> torch.Tensor:
        place = self.adapter.places.get((layer, part))
        return h if place is None else self.adapter.added(place, h)


def _adds(adapter: BottleneckAdapter, place: Bottleneck) -> Any:
    def hook(module: torch.nn.Module, inputs: Any, out: Any) -> Any:
        if isinstance(out, tuple):
            return (adapter.added(place, out[0]), *out[1:])
        return adapter.added(place, out)

    return hook


def _modules(lm: PlainModel, part: Part) -> list[torch.nn.Module]:
    """The layers' modules of a part, in order; raises UsageError where they have no name that is known."""
    for name in MODULES[part]:
        pattern = re.compile(rf"(?:.*\.)?\w+\.(\d+)\.{re.escape(name)}")
        found = {
            int(match[1]): module for path, module in lm.module.named_modules() if (match := pattern.fullmatch(path))
        }
        if sorted(found) == list(range(lm.config.layers)):
            return [found[layer] for layer in range(lm.config.layers)]
    raise UsageError(
        f"a bottleneck adapter cannot be put on {lm.reference or 'this model'}: no module of each layer is called"
        f" {' or '.join(MODULES[part])}",
        do="Use LoRA on this base",
    )


def _check(tensors: Mapping[str, torch.Tensor], places: list[str], hidden: int, file: Path) -> None:
    wanted = {f"{place}.{name}" for place in places for name in NAMES}
    if wanted != set(tensors):
        odd = sorted(wanted ^ set(tensors))[0]
        raise ModelError(
            f"{'lacks' if odd in wanted else 'holds'} {odd!r}",
            expected=f"weights for {len(places)} places, as this base model has",
            where=Where(file=file),
        )
    size = len(tensors[f"{places[0]}.down.weight"])
    sizes = {"down.weight": (size, hidden), "down.bias": (size,), "up.weight": (hidden, size), "up.bias": (hidden,)}
    for name, tensor in tensors.items():
        expected = sizes[".".join(name.rsplit(".", 2)[1:])]
        if tuple(tensor.shape) != expected:
            raise ModelError(
                f"holds {name!r} of {' x '.join(map(str, tensor.shape))}",
                expected=" x ".join(map(str, expected)),
                where=Where(file=file),
            )
