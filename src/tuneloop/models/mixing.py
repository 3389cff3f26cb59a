"""Several adapters over one base in one batch, for generation: no gradients, factors made ready once."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneloop.models.overlay import BARE, Overlay, Part


class Mixed(Overlay):
    """Row i goes through `overlays[owner[i]]`, or through the base alone where owner is -1."""

    def __init__(self, overlays: Sequence[Overlay], owner: torch.Tensor) -> None:
        self.overlays, self.owner = overlays, owner
        # one adapter for every row needs no picking
        whole = bool((owner == owner[0]).all())
        self.only = int(owner[0]) if whole else None
        self.places = [None if whole else (owner == index).nonzero().squeeze(1) for index in range(len(overlays))]

    def cut(self, rows: torch.Tensor) -> Mixed:
        return Mixed(self.overlays, self.owner[rows])

    def adjust(
        self, layer: int, name: str, x: torch.Tensor, out: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        if self.only is not None:
            return self._single.adjust(layer, name, x, out, bias)
        for overlay, places in zip(self.overlays, self.places, strict=True):
            if places is not None and len(places):
                out[places] = overlay.adjust(layer, name, x[places], out[places], bias)
        return out

    def after(self, layer: int, part: Part, h: torch.Tensor) -> torch.Tensor:
        if self.only is not None:
            return self._single.after(layer, part, h)
        for overlay, places in zip(self.overlays, self.places, strict=True):
            if places is not None and len(places):
                h[places] = overlay.after(layer, part, h[places])
        return h

    @property
    def _single(self) -> Overlay:
        """The overlay of all rows."""
        return BARE if self.only is None or self.only < 0 else self.overlays[self.only]
