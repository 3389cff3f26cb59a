"""DoRA (arXiv 2402.09353): a linear layer's weight as magnitude times direction, and LoRA for the direction.

    y = g · (x W^T + s · x A^T B^T) + bias        g = m / ‖W + s · B A‖ by rows, one g and one m per output

`m`, the magnitudes, is trained; the norm follows the weights but gets no gradient (section 4.3 of the paper, and PEFT).
A fresh adapter has m = ‖W‖ and changes nothing.  The norm never makes B A as a matrix:

    ‖W + s B A‖² = ‖W‖² + 2 s · B · (W A^T)^T + s² · B (A A^T) B^T      rows only

where ‖W‖² is computed once and W A^T costs as much as `rank` more tokens; so it serves quantized weights, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch

from tuneloop.models.kernels.linear import linear
from tuneloop.models.quantized import Matrix, QuantizedLinear, dense

if TYPE_CHECKING:
    from tuneloop.models.fast import FastModel
    from tuneloop.models.language_model import LanguageModel

SMALLEST = 1e-30
"""Squared norms below this, of rows that are zero, are taken as this."""


class Direction(NamedTuple):
    """What a site's gains are computed from; `squares` [outputs] float32 are the squared norms of the base's rows."""

    down: torch.nn.Parameter
    up: torch.nn.Parameter
    magnitude: torch.nn.Parameter
    scale: float
    squares: torch.Tensor

    def gain(self, seen: torch.Tensor) -> torch.Tensor:
        """[outputs] float32, differentiable in the magnitudes; `seen` [rank, outputs] is A W^T."""
        with torch.no_grad():
            down, up = self.down.float(), self.up.float()
            crossed = (up * seen.t().float()).sum(1)
            own = ((up @ (down @ down.t())) * up).sum(1)
            norm = (self.squares + 2 * self.scale * crossed + self.scale**2 * own).clamp_(min=SMALLEST).sqrt_()
        return self.magnitude / norm


def fused_gain(weight: Matrix, like: torch.Tensor, parts: Iterable[tuple[int, Direction]]) -> torch.Tensor:
    """[out] for a fused weight whose rows from each start on belong to a direction; 1 for all others."""
    found = sorted(parts, key=lambda part: part[0])
    with torch.no_grad():
        seen = linear(torch.cat([one.down.to(like.dtype) for _, one in found]), weight)
    pieces, row, column = [], 0, 0
    for start, one in found:
        pieces.append(seen.new_ones(start - row, dtype=torch.float32))
        rows, columns = len(one.up), slice(column, column + len(one.down))
        pieces.append(one.gain(seen[columns, start : start + rows]))
        row, column = start + rows, columns.stop
    pieces.append(seen.new_ones(weight.shape[0] - row, dtype=torch.float32))
    return torch.cat(pieces)


def site_gain(module: torch.nn.Module, direction: Direction, like: torch.Tensor) -> torch.Tensor:
    """[outputs] for a linear layer of a transformers model."""
    with torch.no_grad():
        down = direction.down.to(like.dtype)
        if isinstance(module, QuantizedLinear):
            seen = linear(down, module.matrix)
        else:
            weight = cast(torch.Tensor, module.weight)
            seen = down @ (weight if _is_transposed(module) else weight.t())
    return direction.gain(seen)


def base_weight(lm: LanguageModel, site: str) -> torch.Tensor:
    """[outputs, inputs] float32 weight of a linear layer, quantized or not, without any adapter."""
    if lm.fast:
        return _slot_weight(cast("FastModel", lm), f"{site}.weight")
    module: Any = lm.module.get_submodule(site)
    if isinstance(module, QuantizedLinear):
        return module.matrix.dense(torch.float32)
    weight: torch.Tensor = module.weight.detach().float()
    return weight.t() if _is_transposed(module) else weight


def squared_norms(lm: LanguageModel, sites: Iterable[str]) -> dict[str, torch.Tensor]:
    """[outputs] float32 for each site: the squared norms of its weight's rows."""
    return {site: base_weight(lm, site).square().sum(1) for site in sites}


def _slot_weight(lm: FastModel, name: str) -> torch.Tensor:
    slot = next(slot for slot in lm.slots if slot.file_name == name)
    whole = dense(lm.module.weights()[slot.parameter], torch.float32).detach()
    return whole[slot.start : slot.start + slot.rows].float()


def _is_transposed(module: torch.nn.Module) -> bool:
    return type(module).__name__ == "Conv1D"
