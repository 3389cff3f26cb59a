"""Rows that stand before each record in the place of token embeddings: what prompt tuning and P-tuning leave behind.

Files as PEFT writes them: `adapter_config.json` and `adapter_model.safetensors` with `prompt_embeddings` [tokens,
hidden] in float32.  The rows are at positions 0 to tokens - 1 of each record, whose own tokens begin behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import torch

from tuneloop.errors import ModelError, Where
from tuneloop.models.adapter import CONFIG, WEIGHTS, Adapter
from tuneloop.models.checkpoint import open_adapter
from tuneloop.models.overlay import Overlay
from tuneloop.models.reparametrization import PromptEncoder

if TYPE_CHECKING:
    from tuneloop.models.fast import FastModel
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.plain import PlainModel

NAME = "prompt_embeddings"


@dataclass
class SoftPrompt(Adapter):
    """`source` are the rows, or the network that makes them in training; `layers` and `heads` are the base's."""

    peft_type: ClassVar[str]
    needs_fast: ClassVar[str] = "prompt"

    source: torch.nn.Parameter | PromptEncoder
    layers: int
    heads: int
    base: str = ""

    def rows(self) -> torch.Tensor:
        """[tokens, hidden] float32, differentiable."""
        return self.source() if isinstance(self.source, PromptEncoder) else self.source

    @property
    def tokens(self) -> int:
        return len(self.source.embedding.weight) if isinstance(self.source, PromptEncoder) else len(self.source)

    @property
    def before(self) -> int:
        return self.tokens

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        if isinstance(self.source, PromptEncoder):
            return [(f"prompt_encoder.{name}", one) for name, one in self.source.named_parameters()]
        return [(NAME, self.source)]

    def tensors(self) -> dict[str, torch.Tensor]:
        return {NAME: self.rows().detach()}

    def config(self) -> dict[str, Any]:
        return virtual_config(self.peft_type, self.base, self.rows().detach(), self.layers, self.heads) | self.own()

    def own(self) -> dict[str, Any]:
        """The settings of this type alone."""
        return {}

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any], lm: LanguageModel) -> Self:
        rows = read_virtual(folder, config, lm.config.hidden)
        return cls(
            torch.nn.Parameter(rows),
            lm.config.layers,
            lm.config.heads,
            str(config.get("base_model_name_or_path") or ""),
        )

    def overlay(self, lm: FastModel) -> Overlay:
        return PromptOverlay(self)

    def ready(self, lm: FastModel) -> Overlay:
        with torch.no_grad():
            return PromptOverlay(self, self.rows().clone())

    def hooks(self, lm: PlainModel) -> list[Any]:
        from tuneloop.models.insertion import insert_rows

        return insert_rows(lm, self.rows, self.tokens, self.needs_fast)


class PromptOverlay(Overlay):
    """`fixed` are the rows where they do not change any more."""

    def __init__(self, adapter: SoftPrompt, fixed: torch.Tensor | None = None) -> None:
        self.adapter, self.fixed, self.prompt_length = adapter, fixed, adapter.tokens

    @property
    def prompt(self) -> torch.Tensor | None:
        return self.adapter.rows() if self.fixed is None else self.fixed


def virtual_config(peft_type: str, base: str, rows: torch.Tensor, layers: int, heads: int) -> dict[str, Any]:
    """What PEFT writes for any kind of virtual tokens; `rows` [tokens, width]."""
    return {
        "peft_type": peft_type,
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base or None,
        "inference_mode": True,
        "num_virtual_tokens": len(rows),
        "token_dim": rows.shape[1],
        "num_transformer_submodules": 1,
        "num_attention_heads": heads,
        "num_layers": layers,
        "modules_to_save": None,
    }


def read_virtual(folder: Path, config: Mapping[str, Any], width: int) -> torch.Tensor:
    """[tokens, width] float32 of a folder; raises ModelError where they are of another size."""
    if config.get("num_transformer_submodules") not in (None, 1) or config.get("modules_to_save"):
        field = "modules_to_save" if config.get("modules_to_save") else "num_transformer_submodules"
        raise ModelError(
            f"says {field} = {config[field]!r}, which is not supported here",
            where=Where(file=folder / CONFIG, field=field),
        )
    tensors = open_adapter(folder / WEIGHTS)
    place = Where(file=folder / WEIGHTS)
    if set(tensors) != {NAME}:
        raise ModelError(f"holds {', '.join(sorted(tensors)) or 'nothing'}", expected=NAME, where=place)
    rows = tensors[NAME].float()
    if rows.dim() != 2 or rows.shape[1] != width:
        raise ModelError(
            f"holds virtual tokens of {' x '.join(map(str, rows.shape))}",
            expected=f"rows of {width} for this base model",
            where=place,
        )
    return rows


def starting_ids(lm: LanguageModel, tokens: int, text: str | None, seed: int) -> torch.Tensor:
    """[tokens] ids that virtual tokens begin as: those of `text`, repeated or cut, or drawn from the vocabulary."""
    if text is None:
        return torch.randint(0, lm.config.vocab, (tokens,), generator=torch.Generator().manual_seed(seed))
    ids = lm.tokenizer.encode(text)
    return torch.tensor((ids * -(-tokens // len(ids)))[:tokens])


def embeddings(lm: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """[n, hidden] float32: what goes into the first layer for these tokens."""
    with torch.no_grad():
        ids = ids.to(lm.device)
        if lm.fast:
            module = cast("FastModel", lm).module
            return module.embed[ids].float() * module.shape.embed_scale
        return lm.module.get_input_embeddings()(ids).detach().float()  # type: ignore[no-any-return, operator]
