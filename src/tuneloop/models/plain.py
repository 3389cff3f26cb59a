"""A model that transformers runs: any causal architecture that our decoder is not.

Records are padded here, and the scores of targets go through the same chunked `linear_nll` as on the fast path, if the
model's logits are its last hidden rows times a matrix (checked on loading); else its own logits are used.  Dropout is
switched off, as it is on the fast path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F

from tuneloop.errors import ModelError, Where
from tuneloop.models.adapter import Adapter
from tuneloop.models.checkpoint import weight_files
from tuneloop.models.kernels.nll import linear_nll
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.packed import Packed
from tuneloop.models.quantized import Kind, QuantizedLinear, quantize
from tuneloop.models.shape import Rope, Shape
from tuneloop.models.tokenizer import load_tokenizer, read_json
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.engines.plain import PlainEngine

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


class Head(NamedTuple):
    """How hidden rows become logits: a matrix, and a soft cap on what it gives."""

    weight: torch.nn.Parameter
    cap: float | None


class PlainModel(LanguageModel):
    fast: ClassVar[bool] = False
    module: Any

    def __init__(self, module: Any, *, own_code: bool = False, **rest: Any) -> None:
        super().__init__(**rest)
        self.module, self.own_code = module, own_code
        self.config = _shape(module.config)
        self.head = _head(module)
        self._hooks: list[Any] = []
        self._recomputes = False
        _no_dropout(module)

    def token_nll(
        self, batch: Packed, weights: torch.Tensor | None = None, hits: torch.Tensor | None = None
    ) -> torch.Tensor:
        if self.head is not None:
            hidden = self.hidden(batch, batch.rows)
            return linear_nll(hidden, self.head.weight, batch.target_ids, weights, self.head.cap, hits)
        ids, seen, places = padded(batch)
        logits = self.module(input_ids=ids, attention_mask=seen, use_cache=False).logits
        logits = logits.flatten(0, 1)[places[batch.rows]].float()
        if hits is not None:
            aimed = logits.detach().gather(1, batch.target_ids[:, None]).squeeze(1)
            torch.ge(aimed, logits.detach().amax(1), out=hits)
        return F.cross_entropy(logits, batch.target_ids, reduction="none")

    def scored(self, batch: Packed, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        ids, seen, places = padded(batch)
        out = self.module(input_ids=ids, attention_mask=seen, use_cache=False, output_hidden_states=True)
        wanted = places[batch.rows]
        logits = out.logits.flatten(0, 1)[wanted].float() / temperature
        nats = F.cross_entropy(logits, batch.target_ids, reduction="none")
        return nats, out.hidden_states[-1].flatten(0, 1)[wanted]

    def hidden(self, batch: Packed, rows: torch.Tensor) -> torch.Tensor:
        ids, seen, places = padded(batch)
        hidden = self.module.base_model(input_ids=ids, attention_mask=seen, use_cache=False).last_hidden_state
        return hidden.flatten(0, 1)[places[rows]]  # type: ignore[no-any-return]

    def logits(self, ids: torch.Tensor, lengths: Sequence[int] | None = None) -> torch.Tensor:
        rows = torch.split(ids, list(lengths or [len(ids)]))
        return torch.cat([self.module(input_ids=row[None], use_cache=False).logits[0].float() for row in rows])

    def state(self) -> dict[str, torch.Tensor]:
        self.check_dense()
        return dict(self.module.named_parameters())

    def sites(self) -> dict[str, tuple[int, int]]:
        head = self.module.get_output_embeddings()
        return {
            name: size for name, module in self.module.named_modules() if module is not head and (size := _size(module))
        }

    def quantize(self, kind: Kind) -> None:
        for name in self.sites():
            site = self.module.get_submodule(name)
            weight = site.weight.detach().t() if self.transposed(name) else site.weight.detach()
            self.module.set_submodule(name, QuantizedLinear(quantize(weight, kind), site.bias))

    def attach(self, adapter: Adapter) -> None:
        self.detach()
        self._hooks = adapter.hooks(self)
        self.adapter = adapter

    def detach(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self.adapter = [], None

    def transposed(self, site: str) -> bool:
        """Whether the layer keeps its weight as [inputs, outputs] (GPT-2's Conv1D)."""
        return type(self.module.get_submodule(site)).__name__ == "Conv1D"

    def engine(self) -> PlainEngine:
        from tuneloop.models.engines.plain import PlainEngine

        return PlainEngine().over(self)

    @property
    def checkpointing(self) -> bool:
        return self._recomputes

    @checkpointing.setter
    def checkpointing(self, on: bool) -> None:
        # renamed in transformers 5.2x; the old names go away in 6
        name = "activation" if hasattr(self.module, "activation_checkpointing_enable") else "gradient"
        if on:
            getattr(self.module, f"{name}_checkpointing_enable")({"use_reentrant": False})
        else:
            getattr(self.module, f"{name}_checkpointing_disable")()
        self._recomputes = on
        # transformers recomputes in training mode only; dropout is off in either
        self.module.train(on)

    def save(self, folder: str | Path) -> Path:
        self.check_dense()
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        self.module.save_pretrained(path)
        self.tokenizer.save(path)
        return path

    def restore(self, folder: str | Path) -> None:
        self.check_dense()
        saved = _from_files(Path(folder), self.dtype, own_code=self.own_code)
        self.module.load_state_dict(saved.state_dict())


def load_plain(
    folder: Path,
    settings: Mapping[str, Any],
    reference: str,
    dtype: torch.dtype,
    device: torch.device | str,
    why: Words,
    *,
    own_code: bool = False,
) -> PlainModel:
    """A folder's model by transformers: safetensors only, and code out of the folder only with `own_code`."""
    weight_files(folder)
    tokenizer = load_tokenizer(folder)
    module = _from_files(folder, dtype, own_code=own_code).to(device)
    return PlainModel(
        module,
        own_code=own_code,
        settings=settings,
        tokenizer=tokenizer,
        why=why,
        reference=reference,
        folder=folder,
        generation=read_json(folder / "generation_config.json"),
    )


def _from_files(folder: Path, dtype: torch.dtype, *, own_code: bool = False) -> Any:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        module = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, trust_remote_code=own_code, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"transformers cannot load it ({first})", where=Where(file=folder)) from error
    module.train(False)
    return module


def padded(batch: Packed) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids [B, L] with zeros behind each record, the mask [B, L] of real ones, and where each packed token went [T]."""
    longest = max(batch.lengths)
    owner = torch.arange(len(batch.lengths)).repeat_interleave(torch.tensor(batch.lengths)).to(batch.ids.device)
    places = owner * longest + batch.positions
    ids = torch.zeros(len(batch.lengths) * longest, dtype=torch.int64, device=batch.ids.device)
    seen = torch.zeros_like(ids)
    ids[places], seen[places] = batch.ids, 1
    return ids.view(-1, longest), seen.view(-1, longest), places


def _shape(config: Any) -> Shape:
    """What callers may want to know of the model's size; the rest of a shape means nothing here."""
    config = config.get_text_config()
    heads = int(getattr(config, "num_attention_heads", 1) or 1)
    hidden = int(config.hidden_size)
    positions = int(getattr(config, "max_position_embeddings", 0) or getattr(config, "n_positions", 0) or 2048)
    head_dim = int(getattr(config, "head_dim", None) or hidden // heads)
    return Shape(
        family=str(config.model_type),
        vocab=int(config.vocab_size),
        hidden=hidden,
        layers=int(config.num_hidden_layers),
        heads=heads,
        kv_heads=int(getattr(config, "num_key_value_heads", None) or heads),
        head_dim=head_dim,
        intermediate=int(getattr(config, "intermediate_size", None) or 4 * hidden),
        eps=0.0,
        max_positions=positions,
        tied=bool(getattr(config, "tie_word_embeddings", False)),
        rope=Rope("unknown", 0.0, 0, positions),
    )


@torch.no_grad()
def _head(module: Any) -> Head | None:
    """The matrix from the last hidden rows to the logits, if trying it out gives the model's own logits."""
    output = module.get_output_embeddings()
    if output is None or getattr(output, "bias", None) is not None or module.base_model is module:
        return None
    cap = getattr(module.config.get_text_config(), "final_logit_softcapping", None)
    ids = torch.tensor([[1, 2, 3]], device=output.weight.device)
    hidden = getattr(module.base_model(input_ids=ids, use_cache=False), "last_hidden_state", None)
    if hidden is None:
        return None
    ours = F.linear(hidden[0], output.weight).float()
    ours = ours if cap is None else torch.tanh(ours / cap) * cap
    theirs = module(input_ids=ids, use_cache=False).logits[0].float()
    same = ours.shape == theirs.shape and torch.allclose(ours, theirs, rtol=1e-2, atol=1e-2 * float(theirs.abs().max()))
    return Head(output.weight, cap) if same else None


def _no_dropout(module: Any) -> None:
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        for name in ("attention_dropout", "dropout_p"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)


def _size(module: torch.nn.Module) -> tuple[int, int] | None:
    """(outputs, inputs) of a linear layer; None for all other modules."""
    if isinstance(module, torch.nn.Linear):
        return module.out_features, module.in_features
    if isinstance(module, QuantizedLinear):
        outputs, inputs = module.matrix.shape
        return outputs, inputs
    if type(module).__name__ == "Conv1D":
        inputs, outputs = module.weight.shape  # type: ignore[misc]
        return int(outputs), int(inputs)
    return None
