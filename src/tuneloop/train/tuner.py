"""The tuner contract: which weights of a model move, and how they are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.records import TunerTraits
from tuneloop.registry import Member, Registry
from tuneloop.train.defaults import Derived, Facts
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.shape import Shape
    from tuneloop.models.tunings import Tuning


class Tuner(Member, ABC):
    traits: ClassVar[TunerTraits]

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        """Itself with the settings that nobody gave, derived from the facts, and the reason of each."""
        return self, {}

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        """Recipe values that nobody gave and for which this tuner has a rule of its own; they win over the
        objective's."""
        return {}

    @abstractmethod
    def attach(self, lm: LanguageModel, seed: int) -> None:
        """Prepare the model for training: add what is added (seeded), freeze what does not move."""

    def trainable(self, lm: LanguageModel) -> list[tuple[str, Parameter]]:
        """The weights that move, by stable names, in a stable order; here: the attached adapter's."""
        return lm.adapter.named_parameters() if lm.adapter else []

    def load_options(self) -> Mapping[str, Any]:
        """How the base has to be loaded for it: keyword arguments of `models.load`."""
        return {}

    def rate(self, name: str) -> float:
        """The factor on the learning rate of the weight that `trainable` calls `name`."""
        return 1.0

    def stage(self, name: str) -> int:
        """Which weights begin to move together: those of one number (see `thaw`)."""
        return 0

    @property
    def before(self) -> int:
        """Positions of the context that it takes from each record."""
        return 0

    def footprint(self, shape: Shape) -> Tuning | None:
        """What it moves of a model of that shape, in numbers, for the estimate of memory and time; None where that
        cannot be told, and no estimate is made."""
        return None

    def thaw(self, lm: LanguageModel, share: float) -> None:
        """Let weights move, or rest, by the share of the run that is done: called before each step, and a function of
        the share alone, so that a run that goes on does the same."""

    def merged(self, lm: LanguageModel) -> bool:
        """Fold what was trained into the base's weights, and tell whether that could be done."""
        if lm.adapter is None:
            return True
        adapter = lm.adapter
        if adapter.mergeable:
            lm.detach()
            adapter.merge(lm)
        return adapter.mergeable

    def save(self, lm: LanguageModel, folder: Path) -> None:
        """Write what was trained as a folder that other tools can load, too; here: the attached adapter."""
        if lm.adapter is None:
            raise ValueError("the model carries no adapter")
        lm.adapter.save(folder)

    def load(self, lm: LanguageModel, folder: Path) -> None:
        """Put what `save` wrote onto its base."""
        from tuneloop.models.adapter import load_adapter

        lm.attach(load_adapter(folder, lm))


tuners: Registry[Tuner] = Registry("tuneloop.train.tuners", Tuner)
