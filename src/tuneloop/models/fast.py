"""A model that runs on our own decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from tuneloop.models.checkpoint import Weights
from tuneloop.models.decoder import Decoder
from tuneloop.models.family import Family, Slot
from tuneloop.models.kernels.linear import linear
from tuneloop.models.kernels.nll import linear_nll
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.lora import FusedLora, LoraAdapter
from tuneloop.models.packed import Packed

if TYPE_CHECKING:
    from tuneloop.models.engines.decoder import DecoderEngine


class FastModel(LanguageModel):
    fast: ClassVar[bool] = True
    module: Decoder

    def __init__(self, family: Family, module: Decoder, **rest: Any) -> None:
        super().__init__(**rest)
        self.family, self.module, self.config = family, module, module.shape
        self.slots = family.slots(module.shape)
        self.mix: FusedLora | None = None

    def token_nll(self, batch: Packed, weights: torch.Tensor | None = None) -> torch.Tensor:
        hidden = self.module(batch.ids, batch.positions, batch.lengths, mix=self.mix, rows=batch.rows)
        return linear_nll(hidden, self.module.vocabulary, batch.target_ids, weights, self.config.logit_cap)

    def logits(self, ids: torch.Tensor, lengths: Sequence[int] | None = None) -> torch.Tensor:
        lengths = list(lengths or [len(ids)])
        positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
        return self.scores(self.module(ids, positions, lengths, mix=self.mix))

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """[n, hidden] final rows → [n, V] float32 logits."""
        logits = linear(hidden, self.module.vocabulary).float()
        cap = self.config.logit_cap
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def state(self) -> dict[str, torch.Tensor]:
        held = dict(self.module.named_parameters())
        return {slot.file_name: held[slot.parameter][slot.start : slot.start + slot.rows] for slot in self.slots}

    def sites(self) -> dict[str, tuple[int, int]]:
        held = dict(self.module.named_parameters())
        return {
            slot.file_name.removesuffix(".weight"): (slot.rows, held[slot.parameter].shape[1])
            for slot in self.projections()
        }

    def projections(self) -> list[Slot]:
        """The slots of the layers' linear weights."""
        held = dict(self.module.named_parameters())
        return [slot for slot in self.slots if slot.parameter.startswith("layers.") and held[slot.parameter].dim() == 2]

    def attach(self, adapter: LoraAdapter) -> None:
        self.mix, self.adapter = FusedLora(adapter, self.projections()), adapter

    def detach(self) -> None:
        self.mix = self.adapter = None

    def engine(self) -> DecoderEngine:
        from tuneloop.models.engines.decoder import DecoderEngine

        return DecoderEngine().over(self)

    @property
    def checkpointing(self) -> bool:
        return self.module.checkpointing

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        self.module.checkpointing = on


def fill(module: Decoder, slots: Sequence[Slot], weights: Weights) -> None:
    """Copy the files' tensors into the decoder's parameters, cast to their dtype."""
    held = dict(module.named_parameters())
    with torch.no_grad():
        for slot in slots:
            held[slot.parameter][slot.start : slot.start + slot.rows].copy_(weights.read(slot.file_name))
