"""A LoRA or DoRA adapter at work: over the decoder's fused parameters, ready for generation, or as hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F

from tuneloop.models.dora import Direction, fused_gain, site_gain
from tuneloop.models.family import Slot
from tuneloop.models.kernels.lora_linear import Block, lora_linear, stacked
from tuneloop.models.overlay import LowRank, Overlay
from tuneloop.models.quantized import Matrix

if TYPE_CHECKING:
    from tuneloop.models.adapters.lora import LoraAdapter, LoraSite
    from tuneloop.models.fast import FastModel


Group = tuple[list[Block], list[torch.nn.Parameter], list[torch.nn.Parameter]]


class FusedLora(Overlay):
    """An adapter laid over the decoder's fused parameters: one step for the projections that share an input."""

    def __init__(self, adapter: LoraAdapter, slots: Sequence[Slot], directions: Mapping[str, Direction]) -> None:
        self.groups: dict[str, Group] = {}
        self.turned: dict[str, list[tuple[int, Direction]]] = {}
        for slot in slots:
            name = slot.file_name.removesuffix(".weight")
            site = adapter.sites.get(name)
            if site is not None:
                if name in directions:
                    self.turned.setdefault(slot.parameter, []).append((slot.start, directions[name]))
                blocks, downs, ups = self.groups.setdefault(slot.parameter, ([], [], []))
                blocks.append(Block(slot.start, slot.rows, site.rank, site.scale))
                downs.append(site.down)
                ups.append(site.up)

    def linear(self, layer: int, name: str, x: torch.Tensor, weight: Matrix, bias: torch.Tensor | None) -> torch.Tensor:
        group = self.groups.get(f"layers.{layer}.{name}")
        if group is None:
            return super().linear(layer, name, x, weight, bias)
        parts = self.turned.get(f"layers.{layer}.{name}")
        if parts is None:
            return lora_linear(x, weight, bias, *group)
        out = lora_linear(x, weight, None, *group) * fused_gain(weight, x, parts).to(x.dtype)
        return out if bias is None else out + bias


class Factors(NamedTuple):
    """A [ranks, in]; the block-diagonal, scaled B transposed, [ranks, out]; DoRA's gains [out]."""

    down: torch.Tensor
    up: torch.Tensor
    gain: torch.Tensor | None = None


class ReadyLora(Overlay):
    """The factors as they are now, stacked once, for generation."""

    def __init__(self, adapter: LoraAdapter, lm: FastModel) -> None:
        self.factors: dict[str, Factors] = {}
        with torch.no_grad():
            overlay, weights = adapter.overlay(lm), lm.module.weights()
            for name, group in overlay.groups.items():
                down, up = stacked(*group, lm.outputs(name), lm.module.norm)
                parts = overlay.turned.get(name)
                gain = None if parts is None else fused_gain(weights[name], down, parts).to(down.dtype)
                self.factors[name] = Factors(down, up.t().contiguous(), gain)

    def adjust(
        self, layer: int, name: str, x: torch.Tensor, out: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        factors = self.factors.get(f"layers.{layer}.{name}")
        if factors is None:
            return out
        out = out.addmm_(x @ factors.down.t(), factors.up)
        if factors.gain is None:
            return out
        if bias is None:
            return out.mul_(factors.gain)
        return out.sub_(bias).mul_(factors.gain).add_(bias)

    def low_rank(self) -> Mapping[str, LowRank]:
        return self.factors


def adds(site: LoraSite) -> Any:
    """The hook of a LoRA site on a transformers model."""

    def hook(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> torch.Tensor:
        low = F.linear(inputs[0], site.down.to(out.dtype))
        return out + F.linear(low, site.up.to(out.dtype)) * site.scale

    return hook


def turns(site: LoraSite, direction: Direction) -> Any:
    """The same for a site with magnitudes."""

    def hook(module: Any, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> torch.Tensor:
        low = F.linear(F.linear(inputs[0], site.down.to(out.dtype)), site.up.to(out.dtype)) * site.scale
        gain = site_gain(module, direction, out).to(out.dtype)
        bias: torch.Tensor | None = module.bias
        return (out + low) * gain if bias is None else (out - bias + low) * gain + bias

    return hook
