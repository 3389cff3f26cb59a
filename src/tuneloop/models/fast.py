"""A model that runs on our own decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from tuneloop.models.adapter import Adapter
from tuneloop.models.checkpoint import Weights
from tuneloop.models.decoder import Decoder
from tuneloop.models.family import Family, Slot
from tuneloop.models.kernels.blocks import can_block
from tuneloop.models.kernels.linear import linear
from tuneloop.models.kernels.nll import linear_nll
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.overlay import BARE, Overlay, spread
from tuneloop.models.packed import Packed
from tuneloop.models.quantized import Kind, Matrix
from tuneloop.models.sharing import Shared, Sharing, can_share

if TYPE_CHECKING:
    from tuneloop.models.engines.decoder import DecoderEngine


class FastModel(LanguageModel):
    fast: ClassVar[bool] = True
    module: Decoder

    def __init__(self, family: Family, module: Decoder, **rest: Any) -> None:
        super().__init__(**rest)
        self.family, self.module, self.config = family, module, module.shape
        self.slots = family.slots(module.shape)
        self.overlay: Overlay = BARE

    def token_nll(
        self, batch: Packed, weights: torch.Tensor | None = None, hits: torch.Tensor | None = None
    ) -> torch.Tensor:
        hidden, cap = self.hidden(batch, batch.rows), self.config.logit_cap
        return linear_nll(hidden, self.module.vocabulary, batch.target_ids, weights, cap, hits)

    def scored(self, batch: Packed, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.hidden(batch, batch.rows)
        cap = self.config.logit_cap
        if temperature == 1.0:
            return linear_nll(hidden, self.module.vocabulary, batch.target_ids, None, cap), hidden
        # logits are linear in the rows, and a cap divided with them stays the same cap
        cooled = None if cap is None else cap / temperature
        return linear_nll(hidden / temperature, self.module.vocabulary, batch.target_ids, None, cooled), hidden

    def hidden(self, batch: Packed, rows: torch.Tensor) -> torch.Tensor:
        return self._forward(batch.ids, batch.positions, batch.lengths, rows)

    def logits(self, ids: torch.Tensor, lengths: Sequence[int] | None = None) -> torch.Tensor:
        lengths = list(lengths or [len(ids)])
        positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
        return self.scores(self._forward(ids, positions, lengths, None))

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, lengths: Sequence[int], rows: torch.Tensor | None
    ) -> torch.Tensor:
        """Packed records through the decoder and the attached adapter; `rows` count the records' own tokens."""
        overlay = self.overlay
        prompt = overlay.prompt
        if self.shares:
            return self._sharing_beginnings(ids, positions, lengths, rows)
        if prompt is None:
            positions = positions + overlay.before if overlay.before else positions
            return self.module(ids, positions, lengths, overlay=overlay, rows=rows)  # type: ignore[no-any-return]
        ids, places, lengths = spread(ids, lengths, [len(prompt)] * len(lengths))
        positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
        inserted = prompt.repeat(len(lengths), 1)
        rows = places if rows is None else places[rows]
        return self.module(ids, positions, lengths, overlay=overlay, rows=rows, inserted=inserted)  # type: ignore[no-any-return]

    @property
    def shares(self) -> bool:  # type: ignore[override]
        return not self.overlay.before and can_share(self.config)

    def _sharing_beginnings(
        self, ids: torch.Tensor, positions: torch.Tensor, lengths: Sequence[int], rows: torch.Tensor | None
    ) -> torch.Tensor:
        overlay, shape = self.overlay, self.config
        sharing = Sharing.of(ids, lengths) if len(lengths) > 1 else None
        if sharing is None:
            return self.module(ids, positions, lengths, overlay=overlay, rows=rows)  # type: ignore[no-any-return]
        kept = sharing.kept
        return self.module(  # type: ignore[no-any-return]
            ids[kept],
            positions[kept],
            [len(kept)],
            attend=Shared(shape, sharing, lengths),
            overlay=overlay,
            rows=sharing.place if rows is None else sharing.place[rows],
        )

    def rows(self, ids: torch.Tensor, lengths: Sequence[int], overlay: Overlay) -> torch.Tensor:
        """[T, hidden] last rows of packed records through another overlay than that of the attached adapter."""
        held, self.overlay = self.overlay, overlay
        try:
            positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
            return self._forward(ids, positions, lengths, None)
        finally:
            self.overlay = held

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """[n, hidden] final rows → [n, V] float32 logits."""
        scoring = self.module.vocabulary if self.module.scoring is None else self.module.scoring
        logits = linear(hidden, scoring).float()
        cap = self.config.logit_cap
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def state(self) -> dict[str, torch.Tensor]:
        self.check_dense()
        held = dict(self.module.named_parameters())
        return {slot.file_name: held[slot.parameter][slot.start : slot.start + slot.rows] for slot in self.slots}

    def sites(self) -> dict[str, tuple[int, int]]:
        held = self.module.weights()
        return {
            slot.file_name.removesuffix(".weight"): (slot.rows, held[slot.parameter].shape[1])
            for slot in self.projections()
        }

    def projections(self) -> list[Slot]:
        """The slots of the layers' linear weights."""
        held = self.module.weights()
        return [slot for slot in self.slots if _is_matrix(slot, held[slot.parameter])]

    def outputs(self, parameter: str) -> int:
        """Rows of a fused parameter."""
        return sum(slot.rows for slot in self.slots if slot.parameter == parameter)

    def quantize(self, kind: Kind) -> None:
        held = dict(self.module.named_parameters())
        for name in dict.fromkeys(slot.parameter for slot in self.projections()):
            self.module.quantize(name, held.pop(name).detach(), kind)

    def attach(self, adapter: Adapter) -> None:
        self.overlay, self.adapter = adapter.overlay(self), adapter

    def detach(self) -> None:
        self.overlay, self.adapter = BARE, None

    def lay_out(self) -> None:
        """Make ready for answering alone, where that is faster here; it cannot be trained or saved afterwards."""
        self.freeze()
        self.module.settle()
        if can_block(self.module.vocabulary):
            self.module.lay_out()
        else:
            self.module.turn()

    def engine(self) -> DecoderEngine:
        from tuneloop.models.engines.decoder import DecoderEngine

        return DecoderEngine().over(self)

    @property
    def checkpointing(self) -> bool:
        return self.module.checkpointing

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        self.module.checkpointing = on


def fill(module: Decoder, slots: Sequence[Slot], weights: Weights, kind: Kind | None = None) -> None:
    """Copy the files' tensors into the decoder's parameters, cast to their dtype.

    With a `kind` the layers' matrices, hollow until then, are quantized as they are read: one of them is dense at a
    time.
    """
    held = dict(module.named_parameters())
    fused: dict[str, list[str]] = {}
    with torch.no_grad():
        for slot in slots:
            parameter = held[slot.parameter]
            if kind and _is_matrix(slot, parameter):
                fused.setdefault(slot.parameter, []).append(slot.file_name)
            else:
                parameter[slot.start : slot.start + slot.rows].copy_(weights.read(slot.file_name))
        device = module.norm.device
        for name, files in fused.items():
            assert kind is not None
            module.quantize(name, torch.cat([weights.read(file) for file in files]).to(device), kind)


def _is_matrix(slot: Slot, weight: Matrix) -> bool:
    """Whether it is part of a layer's matrix."""
    return slot.parameter.startswith("layers.") and len(weight.shape) == 2
