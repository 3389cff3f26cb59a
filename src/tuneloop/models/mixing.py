"""Several adapters over one base in one batch, for generation: no gradients, factors made ready once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from tuneloop.models.family import Slot
from tuneloop.models.fast import FastModel
from tuneloop.models.kernels.linear import linear
from tuneloop.models.kernels.lora_linear import stacked
from tuneloop.models.lora import FusedLora, LoraAdapter


class Factors(NamedTuple):
    """A [ranks, in] and the block-diagonal, scaled B transposed, [ranks, out]."""

    down: torch.Tensor
    up: torch.Tensor


def ready(adapter: LoraAdapter, lm: FastModel) -> dict[str, Factors]:
    """An adapter's factors by the decoder's parameter names, as they are now."""
    held = dict(lm.module.named_parameters())
    slots: list[Slot] = lm.projections()
    made = {}
    with torch.no_grad():
        for name, group in FusedLora(adapter, slots).groups.items():
            down, up = stacked(*group, len(held[name]), held[name])
            made[name] = Factors(down, up.t().contiguous())
    return made


class Mixed:
    """The `mix` of a step: row i goes through `adapters[owner[i]]`, or through the base alone where owner is -1."""

    def __init__(self, adapters: Sequence[dict[str, Factors]], owner: torch.Tensor) -> None:
        self.adapters, self.owner = adapters, owner
        # one adapter for every row needs no picking
        whole = bool((owner == owner[0]).all())
        self.only = int(owner[0]) if whole else None
        self.places = [None if whole else (owner == index).nonzero().squeeze(1) for index in range(len(adapters))]

    def cut(self, rows: torch.Tensor) -> Mixed:
        """The same for some of the rows."""
        return Mixed(self.adapters, self.owner[rows])

    def __call__(
        self, layer: int, name: str, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        out = linear(x, weight, bias)
        for index, (adapter, places) in enumerate(zip(self.adapters, self.places, strict=True)):
            factors = adapter.get(f"layers.{layer}.{name}")
            if factors is None or self.only not in (None, index):
                continue
            if places is None:
                out.addmm_(x @ factors.down.t(), factors.up)
            elif len(places):
                out.index_add_(0, places, (x[places] @ factors.down.t()) @ factors.up)
        return out
