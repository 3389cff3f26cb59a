"""The tuner contract: which weights of a model move, and how they are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from tuneloop.records import TunerTraits
from tuneloop.registry import Member, Registry
from tuneloop.train.defaults import Facts
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.models.language_model import LanguageModel


class Tuner(Member, ABC):
    traits: ClassVar[TunerTraits]

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        """Itself with the settings that nobody gave, derived from the facts, and the reason of each."""
        return self, {}

    @abstractmethod
    def attach(self, lm: LanguageModel, seed: int) -> None:
        """Prepare the model for training: add what is added (seeded), freeze what does not move."""

    @abstractmethod
    def trainable(self, lm: LanguageModel) -> list[tuple[str, Parameter]]:
        """The weights that move, by stable names, in a stable order."""

    @abstractmethod
    def save(self, lm: LanguageModel, folder: Path) -> None:
        """Write what was trained as a folder that other tools can load, too."""

    @abstractmethod
    def load(self, lm: LanguageModel, folder: Path) -> None:
        """Put what `save` wrote onto its base."""


tuners: Registry[Tuner] = Registry("tuneloop.train.tuners", Tuner)
