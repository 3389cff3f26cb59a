"""LoRA adapters in PEFT's file format (arXiv 2106.09685; rsLoRA, arXiv 2312.03732), without PEFT.

An adapter holds, for each linear layer it sits on (its site, a Hugging Face module path), A [r, inputs] and B [outputs,
r] in float32; the layer's output gains `scale · B A x` with scale = alpha / r, or alpha / sqrt(r) for rsLoRA.  B starts
at zero, so a new adapter changes nothing.  With DoRA (`dora.py`) each site has magnitudes [outputs] as well.

Files: `adapter_config.json` and `adapter_model.safetensors`, as PEFT reads and writes them.
Not covered: LoRA on embeddings or the head, dropout, per-site biases, `modules_to_save`; such a file is refused
by the name of the setting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from tuneloop.errors import ModelError, SettingError, Where
from tuneloop.models.adapter import CONFIG, WEIGHTS, Adapter
from tuneloop.models.checkpoint import open_adapter
from tuneloop.models.dora import Direction, base_weight, squared_norms
from tuneloop.models.lora_overlays import FusedLora, ReadyLora, adds, turns

if TYPE_CHECKING:
    from tuneloop.models.fast import FastModel
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.plain import PlainModel

PREFIX = "base_model.model."
ALL_LINEAR = "all-linear"

WEIGHT_NAME = re.compile(
    r"(?:base_model\.model\.)?(.+)\.lora_(?:([AB])(?:\.default)?\.weight|magnitude_vector(?:\.default\.weight)?)"
)

REFUSED: Mapping[str, tuple[Any, ...]] = {
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
    magnitude: torch.nn.Parameter | None = None

    @property
    def rank(self) -> int:
        return len(self.down)


@dataclass
class LoraAdapter(Adapter):
    """`sites` by module path; `base` names the model it was made for; `targets` are written into the config."""

    sites: dict[str, LoraSite]
    r: int
    alpha: float
    rslora: bool = False
    targets: tuple[str, ...] = ()
    base: str = ""
    needs_fast: ClassVar[str] = "LoRA adapter"

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
        dora: LanguageModel | None = None,
    ) -> LoraAdapter:
        """A fresh adapter for a model's `sites()`: A uniform as PEFT draws it (Kaiming with a = sqrt 5), B zero.

        `dora` is the model itself where its weights are to get magnitudes.  `targets` are ends of module paths
        (`q_proj`, `mlp.down_proj`), or "all-linear".
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
            if dora is not None:
                made[name].magnitude = _parameter(squared_norms(dora, [name])[name].sqrt(), device)
        return cls(made, r, alpha, rslora, tuple(sorted({name.rpartition(".")[2] for name in chosen})), base)

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """In PEFT's file names."""
        named = []
        for name, site in self.sites.items():
            named.append((f"{PREFIX}{name}.lora_A.weight", site.down))
            named.append((f"{PREFIX}{name}.lora_B.weight", site.up))
            if site.magnitude is not None:
                named.append((f"{PREFIX}{name}.lora_magnitude_vector", site.magnitude))
        return named

    @property
    def dora(self) -> bool:
        return any(site.magnitude is not None for site in self.sites.values())

    def deltas(self) -> dict[str, torch.Tensor]:
        """[outputs, inputs] float32 per site: scale · B A."""
        with torch.no_grad():
            return {name: site.up.float() @ site.down.float() * site.scale for name, site in self.sites.items()}

    def config(self) -> dict[str, Any]:
        ranks = {name: site.rank for name, site in self.sites.items() if site.rank != self.r}
        alphas = {
            name: alpha_of(site.scale, site.rank, self.rslora)
            for name, site in self.sites.items()
            if not math.isclose(site.scale, scale_of(self.alpha, site.rank, self.rslora))
        }
        return {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base or None,
            "r": self.r,
            "lora_alpha": self.alpha,
            "use_rslora": self.rslora,
            "use_dora": self.dora,
            "target_modules": list(self.targets),
            "rank_pattern": ranks,
            "alpha_pattern": alphas,
            "lora_dropout": 0.0,
            "bias": "none",
            "inference_mode": True,
            "modules_to_save": None,
        }

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any], lm: LanguageModel) -> Self:
        _refuse(config, folder / CONFIG)
        sites = lm.sites()
        r, alpha, rslora = int(config["r"]), float(config["lora_alpha"]), bool(config.get("use_rslora"))
        pairs: dict[str, dict[str, torch.Tensor]] = {}
        for name, tensor in open_adapter(folder / WEIGHTS).items():
            found = WEIGHT_NAME.fullmatch(name)
            if not found:
                raise ModelError(
                    f"holds {name!r}", expected="LoRA weights on linear layers only", where=Where(file=folder / WEIGHTS)
                )
            pairs.setdefault(found[1], {})[found[2] or "magnitude"] = tensor.float()
        made = {}
        for name in [site for site in sites if site in pairs] + [name for name in pairs if name not in sites]:
            _check_site(name, pairs[name], sites, folder, dora=bool(config.get("use_dora")))
            down, up = pairs[name]["A"], pairs[name]["B"]
            own_alpha = _pattern(config.get("alpha_pattern"), name, alpha)
            magnitude = _parameter(pairs[name]["magnitude"].flatten()) if "magnitude" in pairs[name] else None
            made[name] = LoraSite(_parameter(down), _parameter(up), scale_of(own_alpha, len(down), rslora), magnitude)
        targets = config.get("target_modules") or []
        named = (targets,) if isinstance(targets, str) else tuple(sorted(targets))
        return cls(made, r, alpha, rslora, named, str(config.get("base_model_name_or_path") or ""))

    def merge(self, lm: LanguageModel) -> None:
        """The sum is made in float32; with DoRA its rows are brought to their magnitudes."""
        state = lm.state()
        with torch.no_grad():
            for name, delta in self.deltas().items():
                weight = state[f"{name}.weight"]
                total = base_weight(lm, name) + delta
                magnitude = self.sites[name].magnitude
                if magnitude is not None:
                    total *= (magnitude / total.norm(dim=1))[:, None]
                weight.copy_(total.t() if lm.transposed(name) else total)

    def overlay(self, lm: FastModel) -> FusedLora:
        return FusedLora(self, lm.projections(), self.directions(lm))

    def ready(self, lm: FastModel) -> ReadyLora:
        return ReadyLora(self, lm)

    def directions(self, lm: LanguageModel) -> dict[str, Direction]:
        """The sites with magnitudes, each with what its gains are computed from."""
        squares = squared_norms(lm, [name for name, site in self.sites.items() if site.magnitude is not None])
        return {
            name: Direction(site.down, site.up, site.magnitude, site.scale, squares[name])
            for name, site in self.sites.items()
            if site.magnitude is not None
        }

    def hooks(self, lm: PlainModel) -> list[Any]:
        modules = dict(lm.module.named_modules())
        directions = self.directions(lm)
        return [
            modules[name].register_forward_hook(turns(site, directions[name]) if name in directions else adds(site))
            for name, site in self.sites.items()
        ]


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


def _refuse(config: Mapping[str, Any], file: Path) -> None:
    for key, allowed in REFUSED.items():
        if key in config and config[key] not in allowed:
            raise ModelError(
                f"says {key} = {config[key]!r}, which is not supported here",
                where=Where(file=file, field=key),
                do="Merge the adapter into its base with PEFT, and use the merged model",
            )


def _pattern(patterns: Mapping[str, Any] | None, site: str, otherwise: float) -> float:
    for pattern, value in (patterns or {}).items():
        if re.search(rf"(^|\.){pattern}$", site):
            return float(value)
    return otherwise


def _check_site(
    name: str, pair: Mapping[str, torch.Tensor], sites: Mapping[str, tuple[int, int]], path: Path, *, dora: bool
) -> None:
    place = Where(file=path / WEIGHTS)
    if name not in sites:
        raise ModelError(f"sits on {name!r}, which this base model does not have", where=place)
    if not {"A", "B"} <= set(pair):
        raise ModelError(f"holds only one of the two matrices of {name!r}", where=place)
    if ("magnitude" in pair) != dora:
        held = "magnitudes" if "magnitude" in pair else "no magnitudes"
        raise ModelError(f"holds {held} for {name!r}, and its config says use_dora = {dora}", where=place)
    outputs, inputs = sites[name]
    found = (len(pair["B"]), pair["A"].shape[1])
    if found != (outputs, inputs):
        raise ModelError(
            f"was made for a layer of {found[0]} x {found[1]} at {name!r}",
            expected=f"{outputs} x {inputs}, as this base model has",
            where=place,
        )
