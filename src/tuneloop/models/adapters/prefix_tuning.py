"""Prefix tuning (arXiv 2101.00190): keys and values that each record sees before its own, in every layer.

Files as PEFT writes them: `prompt_embeddings` [tokens, layers · 2 · K · D] in float32; of a row the first K · D numbers
are the first layer's keys, as they are after the rotation, then come its values, then the next layer's.  A record's own
tokens begin at position `tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import torch

from tuneloop.models.adapter import Adapter
from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.overlay import KeysValues, Overlay
from tuneloop.models.reparametrization import PrefixEncoder
from tuneloop.models.soft_prompt import NAME, read_virtual, starting_ids, virtual_config

if TYPE_CHECKING:
    from tuneloop.models.fast import FastModel
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.plain import PlainModel


@dataclass
class PrefixTuning(Adapter):
    """`source` are the rows, or the network that makes them while it is trained; `heads` are key heads of `size`."""

    needs_fast: ClassVar[str] = "prefix"

    source: torch.nn.Parameter | PrefixEncoder
    layers: int
    heads: int
    size: int
    base: str = ""

    @classmethod
    def new(
        cls, lm: LanguageModel, tokens: int, *, text: str | None = None, width: int | None = None, seed: int = 0
    ) -> PrefixTuning:
        """With `width` a network of so many hidden units makes the rows.  Without, they begin as what the model itself
        computes for `text` (or tokens drawn from the vocabulary), as if these stood before the record: random rows
        disturb it much more (section 7.4 of the paper)."""
        shape = lm.config
        source: torch.nn.Parameter | PrefixEncoder
        if width is not None:
            source = PrefixEncoder(tokens, shape.kv_rows, shape.layers, width, seed).to(lm.device)
        else:
            source = torch.nn.Parameter(activations(lm, starting_ids(lm, tokens, text, seed)))
        return cls(source, shape.layers, shape.kv_heads, shape.head_dim, lm.reference)

    @property
    def tokens(self) -> int:
        return len(self.source.embedding.weight) if isinstance(self.source, PrefixEncoder) else len(self.source)

    def rows(self) -> torch.Tensor:
        """[tokens, layers · 2 · K · D] float32, differentiable."""
        return self.source() if isinstance(self.source, PrefixEncoder) else self.source

    def layer(self, index: int) -> KeysValues:
        """[tokens, K, D] twice."""
        if isinstance(self.source, PrefixEncoder):
            rows = self.source.layer(index)
        else:
            wide = 2 * self.heads * self.size
            rows = self.source[:, index * wide : (index + 1) * wide]
        keys, values = rows.view(self.tokens, 2, self.heads, self.size).unbind(1)
        return keys, values

    @property
    def before(self) -> int:
        return self.tokens

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        if isinstance(self.source, PrefixEncoder):
            return [(f"prompt_encoder.{name}", one) for name, one in self.source.named_parameters()]
        return [(NAME, self.source)]

    def tensors(self) -> dict[str, torch.Tensor]:
        return {NAME: self.rows().detach()}

    def config(self) -> dict[str, Any]:
        made = self.source if isinstance(self.source, PrefixEncoder) else None
        return {
            **virtual_config("PREFIX_TUNING", self.base, self.rows().detach(), self.layers, self.heads),
            "token_dim": self.heads * self.size,
            "prefix_projection": made is not None,
            "encoder_hidden_size": made.width if made else None,
        }

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any], lm: LanguageModel) -> Self:
        shape = lm.config
        rows = read_virtual(folder, config, shape.layers * 2 * shape.kv_rows)
        base = str(config.get("base_model_name_or_path") or "")
        return cls(torch.nn.Parameter(rows), shape.layers, shape.kv_heads, shape.head_dim, base)

    def overlay(self, lm: FastModel) -> Overlay:
        return PrefixOverlay(self)

    def ready(self, lm: FastModel) -> Overlay:
        with torch.no_grad():
            fixed = [tuple(one.to(lm.dtype) for one in self.layer(index)) for index in range(self.layers)]
        return PrefixOverlay(self, cast(list[KeysValues], fixed))

    def hooks(self, lm: PlainModel) -> list[Any]:
        from tuneloop.models.insertion import insert_keys

        return insert_keys(lm, self.layer, self.tokens, self.needs_fast)


class PrefixOverlay(Overlay):
    """`fixed` are the layers' keys and values where they do not change any more."""

    def __init__(self, adapter: PrefixTuning, fixed: list[KeysValues] | None = None) -> None:
        self.adapter, self.fixed, self.prefix_length = adapter, fixed, adapter.tokens

    def prefix(self, layer: int) -> KeysValues | None:
        return self.adapter.layer(layer) if self.fixed is None else self.fixed[layer]


@torch.no_grad()
def activations(lm: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    """[tokens, layers · 2 · K · D] float32: keys and values that the model computes for tokens from position 0 on."""
    ids = ids.to(lm.device)
    kept: list[torch.Tensor] = []
    if lm.fast:
        module = cast("FastModel", lm).module
        shape, plan = module.shape, Plan.of([len(ids)], lm.device)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            kept.extend([k.float().flatten(1), v.float().flatten(1)])
            return attention(q, k, v, plan, scale=shape.scale, window=shape.window(layer), cap=shape.score_cap)

        module(ids, torch.arange(len(ids), device=lm.device), [len(ids)], attend=attend)
    else:
        recomputes, lm.checkpointing = lm.checkpointing, False  # with it transformers keeps no cache
        cache = lm.module(input_ids=ids[None], use_cache=True).past_key_values
        lm.checkpointing = recomputes
        for layer in cache.layers:
            kept.extend(one[0].float().transpose(0, 1).flatten(1) for one in (layer.keys, layer.values))
    return torch.cat(kept, 1)
