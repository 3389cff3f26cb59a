"""What objectives, tuners and models say of themselves, so that impossible pairs are refused before anything loads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tuneloop.records.record import Kind

Capability = Literal["packing", "generation", "head"]
"""What an objective may need of a tuner:

packing      records packed in one row give what they give alone
generation   the tuned model writes answers while it is trained
head         weights of the objective's own are trained along, on top of the tuned model
"""
ADAPTER: frozenset[Capability] = frozenset({"packing", "generation", "head"})
WHOLE: frozenset[Capability] = ADAPTER
"""What every adapter of ours can, and what a whole model can: our decoder makes no difference here."""


@dataclass(frozen=True)
class ObjectiveNeeds:
    """`kinds` of record it can train on; `capabilities` that the tuner must have (`packing`, `generation`, `head`)."""

    kinds: tuple[Kind, ...]
    capabilities: frozenset[Capability] = frozenset()


@dataclass(frozen=True)
class TunerTraits:
    """`capabilities` the tuner can offer to an objective; `mergeable`: can be folded into the base's weights."""

    capabilities: frozenset[Capability]
    mergeable: bool = True
    form: str = "adapter"


def missing(needs: ObjectiveNeeds, traits: TunerTraits) -> Iterable[Capability]:
    """The capabilities that the objective needs and the tuner lacks, sorted."""
    return sorted(needs.capabilities - traits.capabilities)
