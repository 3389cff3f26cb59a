"""The contract of a loaded model: what training, evaluation and chat may ask of it, whichever way it runs.

`FastModel` (fast.py) is our own decoder, `PlainModel` (plain.py) any causal model of transformers.  Both hold the
tokenizer and the chat template, score targets, generate, and write themselves back as a Hugging Face folder.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from tuneloop.errors import ModelError
from tuneloop.models.checkpoint import open_weights, write_weights
from tuneloop.models.packed import Packed
from tuneloop.models.quantized import Kind, QuantizedMatrix
from tuneloop.models.sampling import Sampling
from tuneloop.models.shape import Shape
from tuneloop.models.templates import ChatTemplate, template_of
from tuneloop.models.tokenizer import Tokenizer
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.adapter import Adapter
    from tuneloop.models.engine import Engine, Finished


class LanguageModel(ABC):
    """`settings` is the folder's `config.json` as it stood; `generation` its `generation_config.json`.

    `reference` is the name that a person gave, `folder` where the files are (None for a new model), `why` the
    sentence that says which path is used and for what reason.
    """

    fast: ClassVar[bool]
    generates: ClassVar[bool] = True
    """Whether it predicts the next token; an encoder does not."""
    module: torch.nn.Module
    config: Shape
    shares: bool = False
    """Whether beginnings that records of a batch have in common are computed once."""

    def __init__(
        self,
        *,
        settings: Mapping[str, Any],
        tokenizer: Tokenizer,
        why: Words,
        reference: str = "",
        folder: Path | None = None,
        generation: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings, self.tokenizer, self.why = dict(settings), tokenizer, why
        self.reference, self.folder, self.generation = reference, folder, dict(generation or {})
        self.template: ChatTemplate = template_of(tokenizer.templates, tokenizer.special)
        self.adapter: Adapter | None = None
        self.reserved = 0
        """Positions left free in any case, so that models with and without an adapter read the same."""

    @abstractmethod
    def token_nll(
        self, batch: Packed, weights: torch.Tensor | None = None, hits: torch.Tensor | None = None
    ) -> torch.Tensor:
        """[N] float32 nats of the batch's targets, in the order of `batch.rows`; differentiable.

        `weights` [N] promise that the loss will be `c · sum(weights · nats)`; it saves a pass over the logits when the
        vocabulary matrix is trained, and nothing goes wrong when the promise is not kept.  `hits` [N] bool is filled
        with whether each target was the likeliest token.
        """

    @abstractmethod
    def hidden(self, batch: Packed, rows: torch.Tensor) -> torch.Tensor:
        """[n, hidden] in the computation's dtype: what the tokens `rows` of the batch are after the last norm;
        differentiable.  Heads read them (`heads.py`)."""

    def scored(self, batch: Packed, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        """[N] nats of the batch's targets, logits divided by `temperature`, and the [N, hidden] rows that they were
        predicted from: one pass for a policy and a head; differentiable."""
        raise NotImplementedError(f"{type(self).__name__} predicts no next token")

    @abstractmethod
    def logits(self, ids: torch.Tensor, lengths: Sequence[int] | None = None) -> torch.Tensor:
        """[T, V] float32 logits of packed records (one, where no lengths are given); for tests and small questions."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """All weights by their Hugging Face names, as views of the parameters; tied ones once."""

    @abstractmethod
    def sites(self) -> dict[str, tuple[int, int]]:
        """Module paths of the linear layers that an adapter may sit on, each with (outputs, inputs)."""

    @abstractmethod
    def quantize(self, kind: Kind) -> None:
        """Store the weights of the sites in 4 or 8 bits, frozen for good, where they were dense."""

    @abstractmethod
    def attach(self, adapter: Adapter) -> None:
        """Put an adapter on top of the weights; it takes part in everything from here on."""

    @abstractmethod
    def detach(self) -> None:
        """Take the adapter off again; the weights are as before."""

    def restore(self, folder: str | Path) -> None:
        """Take all weights from a folder that `save` of this same model wrote."""
        state = self.state()
        with open_weights(Path(folder)) as weights, torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(weights.read(name))

    def transposed(self, site: str) -> bool:
        """Whether a site keeps its weight as [inputs, outputs]."""
        return False

    @abstractmethod
    def engine(self) -> Engine:
        """A new engine over this model, its attached adapter held under the name `attached`."""

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling | None = None,
        *,
        adapter: bool = True,
        **settings: Any,
    ) -> list[Finished]:
        """Answers to prompts (token ids, as `encode_prompt` gives them), in order, written side by side.

        `settings` are those of `Sampling` (`max_tokens`, `temperature`, `seed`, `stop`, …).  `adapter` False asks the
        base under the attached adapter.  A seed gives the n-th prompt the random numbers of seed + n.
        """
        from tuneloop.models.engine import Request

        sampling = sampling or Sampling(**settings)
        name = "attached" if adapter and self.adapter is not None else None
        engine = self.engine()
        handles = []
        for number, prompt in enumerate(prompts):
            own = sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + number)
            handles.append(engine.submit(Request(prompt, own, name, stream=False)))
        return [engine.finish(handle) for handle in handles]

    @property
    @abstractmethod
    def checkpointing(self) -> bool:
        """Whether the backward pass computes activations again, a layer at a time, instead of keeping them."""

    @checkpointing.setter
    @abstractmethod
    def checkpointing(self, on: bool) -> None: ...

    @property
    def dtype(self) -> torch.dtype:
        return next(self.module.parameters()).dtype

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    @property
    def room(self) -> int:
        """Tokens that a record, or a prompt with its answer, may have: the model's positions less the adapter's (or
        `reserved`, where that is more)."""
        return self.config.max_positions - max(self.reserved, self.adapter.before if self.adapter else 0)

    @property
    def parameters(self) -> int:
        """Number of weights, tied ones once; a quantized one counts as one."""
        dense = sum(parameter.numel() for parameter in self.module.parameters())
        return dense + sum(part.weights for part in self._quantized())

    @property
    def quantized(self) -> Kind | None:
        """How the layers' matrices are stored, where that is in 4 or 8 bits."""
        return next((part.kind for part in self._quantized()), None)

    def _quantized(self) -> Iterator[QuantizedMatrix]:
        return (part for part in self.module.modules() if isinstance(part, QuantizedMatrix))

    def check_dense(self) -> None:
        """Raises ModelError where the weights are quantized."""
        if self.quantized:
            raise ModelError(
                f"{self.reference or 'this model'} is held in {self.quantized}, and its weights cannot be given out",
                expected="a model that was loaded without quantizing",
                do="Load it again in 16 or 32 bits",
            )

    def lay_out(self) -> None:
        """Make ready for answering alone, where that is faster here; it cannot be trained or saved afterwards."""
        self.freeze()

    def freeze(self, frozen: bool = True) -> None:
        """Switch gradients of all base weights off or on; frozen ones cost nothing in the backward pass."""
        self.module.requires_grad_(not frozen)

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an answer: those of the generation config, the config and the tokenizer."""
        found: set[int] = set()
        for stated in (self.generation.get("eos_token_id"), self.settings.get("eos_token_id"), self.tokenizer.eos):
            if isinstance(stated, int):
                found.add(stated)
            elif isinstance(stated, list):
                found.update(int(one) for one in stated)
        return frozenset(found)

    @property
    def notes(self) -> list[Words]:
        """What a person should know of this model before training or asking it: the path taken, and what it lacks."""
        notes = [self.why]
        if "default" not in self.tokenizer.templates:
            notes.append(self.template.why)
        if not self.end_ids:
            notes.append(
                Words(
                    "The model names no end token: answers end only at the limit of tokens or at a stop text.",
                    "模型没有结束词元：回答只会在词元上限或停止文本处结束。",
                )
            )
        return notes

    def save(self, folder: str | Path) -> Path:
        """Write a folder that plain transformers loads: config, weights, tokenizer, chat template, generation config.

        An attached adapter is not part of it: merge it first, or save it by itself.
        """
        self.check_dense()
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        config = {key: value for key, value in self.settings.items() if key != "torch_dtype"}
        _write_json(path / "config.json", {**config, "dtype": str(self.dtype).removeprefix("torch.")})
        if self.generation:
            _write_json(path / "generation_config.json", self.generation)
        write_weights(path, {name: tensor.detach().cpu() for name, tensor in self.state().items()})
        self.tokenizer.save(path)
        return path


def _write_json(file: Path, data: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
