"""Putting runs into the queue for whoever asks: what can be known to be impossible is refused before.

Each returns the run's id; a server or an executor starts its process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tuneloop.errors import UsageError, Where
from tuneloop.recipes import RECIPES, check_members, read_recipe

if TYPE_CHECKING:
    from tuneloop.store import Workspace


def prepare(
    ws: Workspace,
    files: Sequence[str],
    recipe: Mapping[str, Any],
    scenario: str = "main",
    addresses: Sequence[str] = (),
    dry_run: bool = False,
) -> str:
    """A run that reads uploaded files and what lies at addresses into a dataset version, or only makes the report of
    it; who may name which address is the caller's to decide."""
    from tuneloop.runs import queue
    from tuneloop.store import datasets
    from tuneloop.store.files import file

    if not files and not addresses:
        raise UsageError(
            "no file is named", expected="ids of uploaded files, or addresses", do="Upload one: POST /v1/files"
        )
    asked = read_recipe("prepare", given=recipe)
    asked.check()
    for name in filter(None, (asked.extend, asked.test_of)):
        datasets.version(ws, name, scenario)
    named = [file(ws, identity).id for identity in files]
    for address in addresses:
        if address.startswith(("http:", "https:")) and "@" in urlsplit(address).netloc:
            raise UsageError(  # the run would show it
                f"an address of {urlsplit(address).netloc.rpartition('@')[2]} holds a user or password",
                expected="a page that anybody may read",
                where=Where(field="addresses"),
            )
        if address.startswith("web:"):
            file(ws, address.removeprefix("web:"))
    spec = {
        "files": named,
        "addresses": list(addresses),
        "prepare": asked.model_dump(mode="json", exclude_unset=True),
        "scenario": scenario,
        **({"dry_run": True} if dry_run else {}),
    }
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


def export(ws: Workspace, data: str | None, recipe: Mapping[str, Any]) -> str:
    """A run that writes a version's records into a file; `recipe` holds layout, form, split and beside."""
    from tuneloop.config import read
    from tuneloop.prepare.exporting import ExportSettings
    from tuneloop.runs import queue
    from tuneloop.store import datasets

    version = datasets.version(ws, data or "newest")
    asked = read(ExportSettings, recipe, path="export")
    asked.check()
    spec = {"data": version.name, "export": asked.model_dump(mode="json", exclude_unset=True)}
    return queue.submit(ws, "export", spec, {"cpu": 1}, scenario=version.scenario)


def statistics(ws: Workspace, data: str | None, recipe: Mapping[str, Any]) -> str:
    """A run that measures a version and draws the page of it; `recipe` holds base."""
    from tuneloop.config import read
    from tuneloop.prepare.statistics import StatisticsSettings
    from tuneloop.runs import queue
    from tuneloop.store import datasets

    version = datasets.version(ws, data or "newest")
    asked = read(StatisticsSettings, recipe, path="statistics")
    spec = {"data": version.name, "statistics": asked.model_dump(mode="json", exclude_unset=True)}
    return queue.submit(ws, "statistics", spec, {"cpu": 1}, scenario=version.scenario)


def forget(ws: Workspace, subject: str | None, source: str | None, *, person: str, rebuild: bool) -> str:
    """A run that erases what came from a person or a source."""
    from tuneloop.prepare import forgetting
    from tuneloop.runs import queue

    forgetting.touched(ws, subject=subject, source=source)
    spec = {"subject": subject, "source": source, "person": person, "rebuild": rebuild}
    return queue.submit(ws, "forget", spec, {"cpu": 1})


def review(ws: Workspace, data: str | None, recipe: Mapping[str, Any], *, person: str) -> str:
    """A run that draws a review sample; `recipe` holds count, seed and by."""
    from tuneloop.config import read
    from tuneloop.prepare.review_sample import SampleSettings
    from tuneloop.runs import queue
    from tuneloop.store import datasets

    version = datasets.version(ws, data or "newest")
    asked = read(SampleSettings, recipe, path="review").model_dump(mode="json", exclude_unset=True)
    spec = {"data": version.name, "review": asked, "person": person}
    return queue.submit(ws, "review", spec, {"cpu": 1}, scenario=version.scenario)


def judge(ws: Workspace, review: str | None, recipe: Mapping[str, Any]) -> str:
    """A run in which a model judges the records of a review sample; `recipe` is a judge, as {model: …}."""
    from tuneloop.runs import queue
    from tuneloop.scores.judge import judges
    from tuneloop.store import reviews

    one = reviews.review(ws, review or "newest")
    asked = {"name": "local", **recipe}
    made = judges.create(asked, path="judge")
    takers = [name for name in judges if "rubric" in judges.load(name).model_fields]
    if made.name not in takers:
        raise UsageError(
            f"the judge {made.name!r} takes no rubric",
            expected=f"one that does: {', '.join(takers)}",
            where=Where(field="judge.name"),
        )
    if "rubric" in made.model_fields_set:
        raise UsageError(
            "found a rubric", expected="none: the standard of the review says it", where=Where(field="judge.rubric")
        )
    return queue.submit(ws, "judge", {"review": one.name, "judge": asked}, {"cpu": 1}, scenario=one.scenario)


def spam_model(ws: Workspace, files: Sequence[str]) -> str:
    """A run that fits a spam classifier on an uploaded CSV of examples; its id is the `model` of the step `spam`."""
    from tuneloop.runs import queue
    from tuneloop.store.files import file

    if len(files) != 1:
        raise UsageError(
            f"found {len(files)} files", expected="the id of one uploaded CSV with the columns text and label"
        )
    return queue.submit(ws, "spam_model", {"file": file(ws, files[0]).id}, {"cpu": 1})


def trial(ws: Workspace, data: str | None, recipe: Mapping[str, Any]) -> str:
    """A run that trains on a version for a few steps, and on what it is compared with."""
    from tuneloop.config import read
    from tuneloop.runs import queue
    from tuneloop.store import datasets
    from tuneloop.trial import TrialSettings, check

    version = datasets.version(ws, data or "newest")
    asked = read(TrialSettings, recipe, path="trial")
    check(ws, version, asked)
    check_members(read(RECIPES["train"], asked.train, path="trial.train"), "trial.train")
    spec = {"data": version.name, "trial": asked.model_dump(mode="json", exclude_unset=True)}
    return queue.submit(ws, "trial", spec, {"cpu": os.cpu_count() or 1}, scenario=version.scenario)


def train(ws: Workspace, data: str | None, recipe: Mapping[str, Any]) -> str:
    """A training run that takes all cores of its machine."""
    from tuneloop.runs import queue
    from tuneloop.store import datasets
    from tuneloop.train.resolve import check

    asked = read_recipe("train", given={**recipe, **({"data": data} if data else {})})
    version = datasets.version(ws, asked.data or "newest")
    check_members(asked)
    check(asked, version.kinds, version.name)
    for own, stage in zip(asked.stages or (), asked.stage_recipes(), strict=False):
        if own.get("data"):
            other = datasets.version(ws, own["data"])
            check(stage, other.kinds, other.name)
    spec = {"data": version.name, "train": asked.model_dump(mode="json", exclude_unset=True)}
    return queue.submit(ws, "train", spec, {"cpu": os.cpu_count() or 1}, scenario=version.scenario)


def evaluate(ws: Workspace, model: str | None, recipe: Mapping[str, Any], data: str | None = None) -> str:
    """A run that compares a model version with its base, on the data that it was trained on or on other data."""
    from tuneloop.runs import queue
    from tuneloop.store import datasets, models

    asked = read_recipe("evaluate", given={**recipe, **({"data": data} if data else {})})
    check_members(asked)
    version = models.model(ws, model or "newest")
    spec = asked.model_dump(mode="json", exclude_unset=True)
    if asked.data is not None:
        spec["data"] = datasets.version(ws, asked.data).name
    return queue.submit(
        ws,
        "evaluate",
        {"model": version.name, "evaluate": spec},
        {"cpu": os.cpu_count() or 1},
        scenario=version.scenario,
    )
