"""What the stages hand to each other and to a person: one verb, one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tuneloop.wording import Words

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class DatasetVersion:
    """An immutable set of records with its splits.

    `id` is `d1:` and a SHA-256 over the sorted list (record id, split, weight) and the pipeline, never over origins or
    file bytes; `name` is its short name in the workspace (`data-3`).  `splits` and `kinds` count records.
    `report` holds the counts of the conservation law and the advice, as plain data.
    """

    id: str
    name: str
    scenario: str
    created: str
    run: str | None
    splits: Mapping[str, int]
    kinds: Mapping[str, int]
    pipeline: Mapping[str, Any]
    report: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None

    @property
    def records(self) -> int:
        return sum(self.splits.values())


@dataclass(frozen=True)
class ModelVersion:
    """What a training run made: an adapter or full weights, in a folder of the workspace; or a model that a provider
    holds, whose folder has its name there (`remote.json`) and no weights.

    `base` is what was tuned, as a person names it (`starter`, a folder, a hub name); `folder` is relative to the
    workspace; `metrics` are the last and best values of the run's curves.
    """

    id: str
    name: str
    scenario: str
    created: str
    run: str | None
    base: str
    form: Literal["adapter", "full", "remote"]
    folder: str
    dataset: str | None
    objective: str
    tuner: str
    recipe: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Advice:
    """One piece of advice or one derived setting, with its reason in both languages."""

    topic: str
    text: Words
    value: Any = None


@dataclass(frozen=True)
class Report:
    """The result of an evaluation: metrics of the tuned model and its base on the same questions.

    `measure` says what the questions prove: `generalization` when they were held out, `recall` when they are the
    training questions.  `answers` holds one row per question; `page` is the HTML report, relative to the workspace.
    """

    id: str
    name: str
    scenario: str
    created: str
    run: str | None
    model: str
    base: str
    dataset: str | None
    measure: Literal["generalization", "recall"]
    metrics: Mapping[str, Mapping[str, float]]
    answers: tuple[Mapping[str, Any], ...] = ()
    page: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A base that could be tuned, with what it would take on the machine and why it stands where it stands.

    `reference` is what a recipe's `base` would say; `here`: its weights are on this machine.  `tuner` and `settings`
    are those that it fits with (or the most sparing ones, where `fits` is False), `memory` their estimate in bytes by
    part, `hours` of one pass over the data (None: not measured).  `bits_per_byte` is (value, low, high) on own records,
    None where it was not measured.  `reasons` are sentences for a person.
    """

    name: str
    reference: str | None
    parameters: int | None
    kind: str | None
    licence: str | None
    commercial: str | None
    here: bool
    fits: bool
    tuner: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
    hours: float | None = None
    bits_per_byte: tuple[float, float, float] | None = None
    reasons: tuple[Words, ...] = ()

    @property
    def bytes(self) -> int:
        """The estimate in all."""
        return sum(self.memory.values())


@dataclass(frozen=True)
class Choice:
    """The result of choosing: candidates with the best first, and what to do, each with its reason.

    `advice` holds base, objective, tuner and settings; `changes` what to change where a base does not fit; `left_out`
    how many models of the catalogue were not considered, by reason.  `recipe` is the content of a recipe file that
    training accepts, empty where nothing could be chosen.
    """

    data: str | None
    goal: str
    machine: Mapping[str, Any]
    candidates: tuple[Candidate, ...]
    advice: tuple[Advice, ...]
    changes: tuple[Words, ...] = ()
    left_out: tuple[tuple[Words, int], ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> Candidate | None:
        """The base that is recommended."""
        return next((one for one in self.candidates if one.fits), None)
