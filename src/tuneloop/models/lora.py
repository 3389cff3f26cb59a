"""LoRA adapters in PEFT's file format (arXiv 2106.09685; rsLoRA, arXiv 2312.03732), without PEFT.

An adapter holds, for each linear layer it sits on (its site, a Hugging Face module path), A [r, inputs] and B [outputs,
r] in float32; the layer's output gains `scale · B A x` with scale = alpha / r, or alpha / sqrt(r) for rsLoRA.  B starts
at zero, so a new adapter changes nothing.

Files: `adapter_config.json` and `adapter_model.safetensors`, as PEFT reads and writes them.
Not covered: DoRA, LoRA on embeddings or the head, dropout, per-site biases, `modules_to_save`; such a file is refused
by the name of the setting.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tuneloop.errors import ModelError, SettingError, Where
from tuneloop.models.checkpoint import open_adapter, write_tensors
from tuneloop.models.family import Slot
from tuneloop.models.kernels.lora_linear import Block, lora_linear
from tuneloop.models.tokenizer import read_json

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
ALL_LINEAR = "all-linear"

REFUSED: Mapping[str, tuple[Any, ...]] = {
    "use_dora": (False, None),
    "modules_to_save": (None, []),
    "bias": ("none", None),
    "lora_bias": (False, None),
    "trainable_token_indices": (None, []),
    "target_parameters": (None, []),
    "layer_replication": (None, []),
    "megatron_config": (None,),
    "alora_invocation_tokens": (None, []),
}
"""PEFT settings that we read only at these values."""


@dataclass
class LoraSite:
    """One adapted linear layer."""

    down: torch.nn.Parameter
    up: torch.nn.Parameter
    scale: float

    @property
    def rank(self) -> int:
        return len(self.down)


@dataclass
class LoraAdapter:
    """`sites` by module path; `base` names the model it was made for; `targets` are written into the config."""

    sites: dict[str, LoraSite]
    r: int
    alpha: float
    rslora: bool = False
    targets: tuple[str, ...] = ()
    base: str = ""

    @classmethod
    def new(
        cls,
        sites: Mapping[str, tuple[int, int]],
        *,
        r: int,
        alpha: float,
        rslora: bool = False,
        targets: Sequence[str] | str = ALL_LINEAR,
        seed: int = 0,
        base: str = "",
        device: torch.device | str = "cpu",
    ) -> LoraAdapter:
        """A fresh adapter for a model's `sites()`: A uniform as PEFT draws it (Kaiming with a = sqrt 5), B zero.

        `targets` are ends of module paths (`q_proj`, `mlp.down_proj`), or "all-linear".
        """
        chosen = chosen_sites(sites, targets)
        generator = torch.Generator().manual_seed(seed)
        made = {}
        for name in chosen:
            outputs, inputs = sites[name]
            bound = 1 / math.sqrt(inputs)
            down = torch.empty(r, inputs).uniform_(-bound, bound, generator=generator)
            up = torch.zeros(outputs, r)
            made[name] = LoraSite(_parameter(down, device), _parameter(up, device), scale_of(alpha, r, rslora))
        return cls(made, r, alpha, rslora, tuple(sorted({name.rpartition(".")[2] for name in chosen})), base)

    def parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """In PEFT's file names."""
        named = []
        for name, site in self.sites.items():
            named.append((f"{PREFIX}{name}.lora_A.weight", site.down))
            named.append((f"{PREFIX}{name}.lora_B.weight", site.up))
        return named

    def deltas(self) -> dict[str, torch.Tensor]:
        """[outputs, inputs] float32 per site: what merging adds to the weight."""
        with torch.no_grad():
            return {name: site.up.float() @ site.down.float() * site.scale for name, site in self.sites.items()}

    def save(self, folder: str | Path) -> Path:
        """Write PEFT's two files."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        ranks = {name: site.rank for name, site in self.sites.items() if site.rank != self.r}
        alphas = {
            name: alpha_of(site.scale, site.rank, self.rslora)
            for name, site in self.sites.items()
            if not math.isclose(site.scale, scale_of(self.alpha, site.rank, self.rslora))
        }
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base or None,
            "r": self.r,
            "lora_alpha": self.alpha,
            "use_rslora": self.rslora,
            "target_modules": list(self.targets),
            "rank_pattern": ranks,
            "alpha_pattern": alphas,
            "lora_dropout": 0.0,
            "bias": "none",
            "inference_mode": True,
            "modules_to_save": None,
        }
        write_tensors(path / WEIGHTS, {name: one.detach().cpu().contiguous() for name, one in self.named_parameters()})
        (path / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return path


def _parameter(tensor: torch.Tensor, device: torch.device | str = "cpu") -> torch.nn.Parameter:
    return torch.nn.Parameter(tensor.to(device))


def scale_of(alpha: float, r: int, rslora: bool) -> float:
    return alpha / math.sqrt(r) if rslora else alpha / r


def chosen_sites(sites: Mapping[str, tuple[int, int]], targets: Sequence[str] | str) -> list[str]:
    """The sites that the targets name, in the model's order; a target that names none is an error."""
    if targets == ALL_LINEAR:
        return list(sites)
    names = [targets] if isinstance(targets, str) else list(targets)
    for target in names:
        if not any(_ends_with(site, target) for site in sites):
            known = sorted({site.rpartition(".")[2] for site in sites})
            raise SettingError(
                f"no linear layer of this model is called {target!r}", expected=f"some of {', '.join(known)}"
            )
    return [site for site in sites if any(_ends_with(site, target) for target in names)]


def alpha_of(scale: float, r: int, rslora: bool) -> float:
    return scale * (math.sqrt(r) if rslora else r)


def _ends_with(site: str, target: str) -> bool:
    return site == target or site.endswith(f".{target}")


def merge(lm: LanguageModel, adapter: LoraAdapter) -> None:
    """Add an adapter to a model's weights for good; the sum is made in float32."""
    state = lm.state()
    with torch.no_grad():
        for name, delta in adapter.deltas().items():
            weight = state[f"{name}.weight"]
            weight.copy_(weight.float() + (delta.t() if lm.transposed(name) else delta))


def load_adapter(folder: str | Path, sites: Mapping[str, tuple[int, int]]) -> LoraAdapter:
    """An adapter from PEFT's files for a model with these `sites()`; raises ModelError where they do not fit."""
    path = Path(folder)
    config = _read_config(path)
    r, alpha, rslora = int(config["r"]), float(config["lora_alpha"]), bool(config.get("use_rslora"))
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in open_adapter(path / WEIGHTS).items():
        found = re.fullmatch(r"(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight", name)
        if not found:
            raise ModelError(
                f"holds {name!r}", expected="LoRA weights on linear layers only", where=Where(file=path / WEIGHTS)
            )
        pairs.setdefault(found[1], {})[found[2]] = tensor.float()
    made = {}
    for name in [site for site in sites if site in pairs] + [name for name in pairs if name not in sites]:
        _check_site(name, pairs[name], sites, path)
        down, up = pairs[name]["A"], pairs[name]["B"]
        own_alpha = _pattern(config.get("alpha_pattern"), name, alpha)
        made[name] = LoraSite(_parameter(down), _parameter(up), scale_of(own_alpha, len(down), rslora))
    targets = config.get("target_modules") or []
    named = (targets,) if isinstance(targets, str) else tuple(sorted(targets))
    return LoraAdapter(made, r, alpha, rslora, named, str(config.get("base_model_name_or_path") or ""))


def _read_config(path: Path) -> dict[str, Any]:
    file = path / CONFIG
    if not file.is_file():
        raise ModelError("has no adapter_config.json", expected="a LoRA adapter's folder", where=Where(file=path))
    config = read_json(file)
    if config.get("peft_type") != "LORA":
        raise ModelError(
            f"is an adapter of type {config.get('peft_type')!r}", expected="'LORA'", where=Where(file=file)
        )
    for key, allowed in REFUSED.items():
        if key in config and config[key] not in allowed:
            raise ModelError(
                f"says {key} = {config[key]!r}, which is not supported here",
                where=Where(file=file, field=key),
                do="Merge the adapter into its base with PEFT, and use the merged model",
            )
    return config


def _pattern(patterns: Mapping[str, Any] | None, site: str, otherwise: float) -> float:
    for pattern, value in (patterns or {}).items():
        if re.search(rf"(^|\.){pattern}$", site):
            return float(value)
    return otherwise


def _check_site(name: str, pair: Mapping[str, torch.Tensor], sites: Mapping[str, tuple[int, int]], path: Path) -> None:
    place = Where(file=path / WEIGHTS)
    if name not in sites:
        raise ModelError(f"sits on {name!r}, which this base model does not have", where=place)
    if set(pair) != {"A", "B"}:
        raise ModelError(f"holds only one of the two matrices of {name!r}", where=place)
    outputs, inputs = sites[name]
    found = (len(pair["B"]), pair["A"].shape[1])
    if found != (outputs, inputs):
        raise ModelError(
            f"was made for a layer of {found[0]} x {found[1]} at {name!r}",
            expected=f"{outputs} x {inputs}, as this base model has",
            where=place,
        )


class FusedLora:
    """An adapter laid over the decoder's fused parameters: the `mix` of its linear layers."""

    def __init__(self, adapter: LoraAdapter, slots: Sequence[Slot]) -> None:
        self.groups: dict[str, tuple[list[Block], list[torch.nn.Parameter], list[torch.nn.Parameter]]] = {}
        for slot in slots:
            site = adapter.sites.get(slot.file_name.removesuffix(".weight"))
            if site is not None:
                blocks, downs, ups = self.groups.setdefault(slot.parameter, ([], [], []))
                blocks.append(Block(slot.start, slot.rows, site.rank, site.scale))
                downs.append(site.down)
                ups.append(site.up)

    def __call__(
        self, layer: int, name: str, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        group = self.groups.get(f"layers.{layer}.{name}")
        if group is None:
            return torch.nn.functional.linear(x, weight, bias)
        return lora_linear(x, weight, bias, *group)

    def cut(self, rows: torch.Tensor) -> FusedLora:
        """All rows have the same adapter."""
        return self
