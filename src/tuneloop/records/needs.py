"""What objectives, tuners and models say of themselves, so that impossible pairs are refused before anything loads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tuneloop.records.record import Kind


@dataclass(frozen=True)
class ObjectiveNeeds:
    """`kinds` of record it can train on; `capabilities` that the tuner must have (`packing`, `generation`, `head`)."""

    kinds: tuple[Kind, ...]
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TunerTraits:
    """`capabilities` the tuner can offer to an objective; `mergeable`: can be folded into the base's weights."""

    capabilities: frozenset[str]
    mergeable: bool = True
    form: str = "adapter"


def missing(needs: ObjectiveNeeds, traits: TunerTraits) -> Iterable[str]:
    """The capabilities that the objective needs and the tuner lacks, sorted."""
    return sorted(needs.capabilities - traits.capabilities)
