"""The contract of adapters: small trained parts on top of a base that stays as it is.

An adapter lies in a folder as PEFT lays it out: `adapter_config.json`, whose `peft_type` names the format, and
`adapter_model.safetensors`.  A format is one file of `adapters/`, named as its `peft_type` in small letters, with one
`Adapter` in it; whatever loads a model version asks `load_adapter`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.errors import ModelError, UsageError, Where, nearest
from tuneloop.models import adapters
from tuneloop.models.tokenizer import read_json

if TYPE_CHECKING:
    import torch

    from tuneloop.models.fast import FastModel
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.overlay import Overlay
    from tuneloop.models.plain import PlainModel

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class Adapter(ABC):
    """`base` names the model it was made for.  Weights are float32 whatever the base computes in."""

    base: str = ""
    needs_fast: ClassVar[str] = "adapter"
    """How the sentence calls it that refuses a model of transformers."""

    @classmethod
    @abstractmethod
    def read(cls, folder: Path, config: Mapping[str, Any], lm: LanguageModel) -> Self:
        """The adapter in `folder`, whose config is given; raises ModelError where it was made for another base."""

    @abstractmethod
    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """What can be trained, by stable names in a stable order: the file's, unless `tensors` says otherwise."""

    def parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for _, parameter in self.named_parameters()]

    def tensors(self) -> dict[str, torch.Tensor]:
        """What the file holds, by its names there."""
        return {name: parameter.detach() for name, parameter in self.named_parameters()}

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What `adapter_config.json` holds."""

    @abstractmethod
    def overlay(self, lm: FastModel) -> Overlay:
        """Its part in our decoder's forward pass, differentiable."""

    def ready(self, lm: FastModel) -> Overlay:
        """The same for generation: what does not change between steps made once; no gradients."""
        return self.overlay(lm)

    def hooks(self, lm: PlainModel) -> list[Any]:
        """Its part in a transformers model, as handles with `remove`; raises UsageError where there is no way."""
        raise UsageError(
            f"a {self.needs_fast} cannot be put on {lm.reference or 'this model'}, which runs on transformers",
            expected="a model of a family that our own decoder knows",
            do="Use LoRA on this base",
        )

    def merge(self, lm: LanguageModel) -> None:
        """Add it to the model's weights for good; raises UsageError where the format has no such sum."""
        raise UsageError(f"a {self.needs_fast} cannot be merged into its base", do="Keep it as an adapter")

    @property
    def before(self) -> int:
        """Positions of the context that it takes before each record."""
        return 0

    @property
    def mergeable(self) -> bool:
        return type(self).merge is not Adapter.merge

    def save(self, folder: str | Path) -> Path:
        """Write config and weights."""
        from tuneloop.models.checkpoint import write_tensors

        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        write_tensors(path / WEIGHTS, {name: one.cpu().contiguous() for name, one in self.tensors().items()})
        text = json.dumps(self.config(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (path / CONFIG).write_text(text, encoding="utf-8")
        return path


def load_adapter(folder: str | Path, lm: LanguageModel) -> Adapter:
    """An adapter's folder read for a base, on its device; raises ModelError where the two do not fit."""
    path = Path(folder)
    file = path / CONFIG
    if not file.is_file():
        raise ModelError("has no adapter_config.json", expected="an adapter's folder", where=Where(file=path))
    config = read_json(file)
    kind = str(config.get("peft_type"))
    if kind.lower() not in formats():
        known = {name.upper() for name in formats()}
        hint = nearest(kind, known)
        raise ModelError(
            f"is an adapter of type {config.get('peft_type')!r}",
            expected=f"one of {', '.join(sorted(known))}",
            where=Where(file=file),
            do=hint[0].upper() + hint[1:],
        )
    adapter = _class(kind.lower()).read(path, config, lm)
    for parameter in adapter.parameters():
        parameter.data = parameter.data.to(lm.device)
    return adapter


def formats() -> list[str]:
    """The formats that can be read: the names of the files in `adapters/`, which are PEFT's types in small letters."""
    return sorted(module.name for module in pkgutil.iter_modules(adapters.__path__))


def _class(name: str) -> type[Adapter]:
    module = importlib.import_module(f"{adapters.__name__}.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Adapter) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define exactly one Adapter, found {len(found)}")
    return found[0]
