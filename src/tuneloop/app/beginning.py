"""Putting runs into the queue for whoever asks: what can be known to be impossible is refused before.

Each returns the run's id; a server or an executor starts its process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuneloop.errors import UsageError
from tuneloop.recipes import read_recipe

if TYPE_CHECKING:
    from tuneloop.store import Workspace


def prepare(ws: Workspace, files: Sequence[str], recipe: Mapping[str, Any], scenario: str = "main") -> str:
    """A run that reads uploaded files into a dataset version."""
    from tuneloop.runs import queue
    from tuneloop.store.files import file

    if not files:
        raise UsageError("no file is named", expected="ids of uploaded files", do="Upload one: POST /v1/files")
    asked = read_recipe("prepare", given=recipe)
    named = [file(ws, identity).id for identity in files]
    spec = {"files": named, "prepare": asked.model_dump(mode="json", exclude_unset=True), "scenario": scenario}
    return queue.submit(ws, "prepare", spec, {"cpu": 1}, scenario=scenario)


def merge(ws: Workspace, versions: Sequence[str]) -> str:
    """A run that makes one dataset version of several; the first keeps its splits."""
    from tuneloop.runs import queue
    from tuneloop.store import datasets

    found = [datasets.version(ws, name) for name in versions]
    if len({one.id for one in found}) < max(len(found), 2):
        raise UsageError(f"found {', '.join(versions) or 'no version'}", expected="at least two different versions")
    names = [one.name for one in found]
    return queue.submit(ws, "merge", {"versions": names}, {"cpu": 1}, scenario=found[0].scenario)


def forget(ws: Workspace, subject: str | None, source: str | None, *, person: str, rebuild: bool) -> str:
    """A run that erases what came from a person or a source."""
    from tuneloop.prepare import forgetting
    from tuneloop.runs import queue

    forgetting.touched(ws, subject=subject, source=source)
    spec = {"subject": subject, "source": source, "person": person, "rebuild": rebuild}
    return queue.submit(ws, "forget", spec, {"cpu": 1})


def train(ws: Workspace, data: str | None, recipe: Mapping[str, Any]) -> str:
    """A training run that takes all cores of its machine."""
    from tuneloop.runs import queue
    from tuneloop.store import datasets
    from tuneloop.train.resolve import check

    asked = read_recipe("train", given={**recipe, **({"data": data} if data else {})})
    version = datasets.version(ws, asked.data or "newest")
    check(asked, version.kinds, version.name)
    spec = {"data": version.name, "train": asked.model_dump(mode="json", exclude_unset=True)}
    return queue.submit(ws, "train", spec, {"cpu": os.cpu_count() or 1}, scenario=version.scenario)


def evaluate(ws: Workspace, model: str | None, recipe: Mapping[str, Any]) -> str:
    """A run that compares a model version with its base."""
    from tuneloop.runs import queue
    from tuneloop.store import models

    asked = read_recipe("evaluate", given=recipe)
    version = models.model(ws, model or "newest")
    spec = {"model": version.name, "evaluate": asked.model_dump(mode="json", exclude_unset=True)}
    return queue.submit(ws, "evaluate", spec, {"cpu": os.cpu_count() or 1}, scenario=version.scenario)
