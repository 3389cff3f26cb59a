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
    """What a training run made: an adapter or full weights, in a folder of the workspace.

    `base` is what was tuned, as a person names it (`starter`, a folder, a hub name); `folder` is relative to the
    workspace; `metrics` are the last and best values of the run's curves.
    """

    id: str
    name: str
    scenario: str
    created: str
    run: str | None
    base: str
    form: Literal["adapter", "full"]
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
