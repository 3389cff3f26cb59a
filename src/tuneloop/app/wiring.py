"""Which stage a run's kind calls, and how a run is put into the queue and started.

`runs` only claims, leases and records; it cannot know the stages, which lie above it.  This file joins the two.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tuneloop.config import read

if TYPE_CHECKING:
    from tuneloop.records import DatasetVersion
    from tuneloop.runs import Lease
    from tuneloop.runs.executor import Executor
    from tuneloop.store import Workspace
    from tuneloop.train.recipe import TrainRecipe

Kind = Literal[
    "prepare", "merge", "export", "statistics", "forget", "review", "judge", "trial", "spam_model", "train",
    "evaluate", "tune",
]  # fmt: skip
"""What runs do: the names of the stages that `work` knows."""


def begin_training(ws: Workspace, version: DatasetVersion, recipe: TrainRecipe, executor: Executor) -> str:
    """Queue a training run that takes all cores of this machine and start its process; returns the run's id.

    What can be known to be impossible is refused here, before anything is queued.
    """
    from tuneloop.runs import queue, starting
    from tuneloop.train.resolve import check

    check(recipe, version.kinds, version.name)
    spec = {"data": version.name, "train": recipe.model_dump(mode="json", exclude_unset=True)}
    with ws.db.write(durable=True) as connection:
        run = queue.add(connection, "train", spec, {"cpu": os.cpu_count() or 1}, version.scenario)
        starting.reserve(connection, run)  # else a server on this workspace would start a process for it, too
    executor.start(ws, run)
    return run


def work(ws: Workspace, lease: Lease) -> None:
    """Do a run's work in this process, and write down what it made."""
    stages: Mapping[str, Callable[[Workspace, Lease], dict[str, Any]]] = {
        "prepare": _prepare,
        "merge": _merge,
        "export": _export,
        "statistics": _statistics,
        "forget": _forget,
        "review": _review,
        "judge": _judge,
        "trial": _trial,
        "spam_model": _spam_model,
        "train": _train,
        "evaluate": _evaluate,
        "tune": _tune,
    }
    lease.finish(stages[lease.kind](ws, lease))


def _train(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop import loop
    from tuneloop.train.recipe import TrainRecipe

    recipe = read(TrainRecipe, lease.spec["train"], path="train")
    return {"model": loop.train(workspace=ws, data=lease.spec["data"], recipe=recipe, lease=lease).name}


def _prepare(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop import loop
    from tuneloop.prepare import run_files
    from tuneloop.prepare.answerless import NoAnswersError
    from tuneloop.prepare.places.upload import address_of
    from tuneloop.prepare.recipe import PrepareRecipe
    from tuneloop.store.files import file

    recipe = read(PrepareRecipe, lease.spec["prepare"], path="prepare")
    with _uploads(ws, lease.run) as named:
        inputs: list[str | Path] = [address_of(one, file(ws, one).filename) for one in lease.spec.get("files", ())]
        inputs += lease.spec.get("inputs", ())
        for address in lease.spec.get("addresses", ()):
            start, _, identity = address.partition(":")
            inputs.append(f"web:{named(identity)}" if start == "web" else address)
        dry_run = bool(lease.spec.get("dry_run"))
        try:
            version = loop.prepare(
                inputs, workspace=ws, recipe=recipe, scenario=lease.spec["scenario"], lease=lease, dry_run=dry_run
            )
        except NoAnswersError as error:
            return error.result
    if not dry_run:
        return {"data": version.name}
    made = run_files.put(ws, lease.run, "report.json", json.dumps(version.report, ensure_ascii=False))
    return {"data": None, "file": made.name, "splits": dict(version.splits), "kinds": dict(version.kinds)}


def _merge(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop.prepare.merging import merge

    return {"data": merge(ws, lease.spec["versions"], lease=lease).name}


def _export(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop.prepare.exporting import ExportSettings, export_by_run
    from tuneloop.runs.stoppable import stoppable
    from tuneloop.store import datasets

    asked = read(ExportSettings, lease.spec["export"], path="export")
    version = datasets.version(ws, lease.spec["data"])
    made = export_by_run(ws, lease.run, version, asked, stoppable(lease))
    return {
        "file": Path(made.file).name,
        "data": made.version,
        "records": made.records,
        "layout": made.layout,
        "form": made.format,
    }


def _statistics(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from pydantic_core import to_json

    from tuneloop.prepare import run_files
    from tuneloop.prepare.statistics import StatisticsSettings, statistics
    from tuneloop.prepare.statistics_page import page
    from tuneloop.runs.stoppable import stoppable
    from tuneloop.store import datasets

    asked = read(StatisticsSettings, lease.spec["statistics"], path="statistics")
    version = datasets.version(ws, lease.spec["data"])
    found = statistics(ws, version, tokenizer=asked.base, progress=stoppable(lease))
    run_files.put(ws, lease.run, "statistics.json", to_json(found, indent=2).decode())
    file = run_files.put(ws, lease.run, f"{version.name}-statistics.html", page(found, version))
    return {"file": file.name, "data": version.name, "records": found.records}


def _forget(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop.prepare import forgetting
    from tuneloop.runs import queue
    from tuneloop.runs.stoppable import stoppable

    spec = lease.spec
    forgetting.finish(ws)  # an attempt that was killed may have erased it: its result is there
    if queue.show(ws, lease.run).result is None:
        found = forgetting.touched(ws, subject=spec["subject"], source=spec["source"])
        forgetting.forget(
            ws,
            found,
            person=spec["person"],
            rebuild=spec["rebuild"],
            run=lease.run,
            progress=stoppable(lease, left="nothing was erased"),
        )
    forgetting.hide_subject(ws, lease.run)
    return dict(queue.show(ws, lease.run).result or {})


def _review(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop.prepare.review_sample import SampleSettings, draw_review
    from tuneloop.runs.stoppable import stoppable
    from tuneloop.store import datasets

    asked = read(SampleSettings, lease.spec["review"], path="review")
    version = datasets.version(ws, lease.spec["data"])
    person, watch = lease.spec["person"], stoppable(lease)
    made = draw_review(ws, version, count=asked.count, seed=asked.seed, by=asked.by, person=person, progress=watch)
    return {"review": made.name}


def _judge(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop.prepare.review_judging import judge_review
    from tuneloop.store.reviews import review

    one = review(ws, lease.spec["review"])
    return {"review": one.name, "verdicts": judge_review(ws, one, lease.spec["judge"], lease=lease)}


def _trial(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop import loop
    from tuneloop.trial.outcome import as_data

    return as_data(loop.trial(lease.spec["data"], workspace=ws, recipe=lease.spec["trial"], lease=lease))


def _spam_model(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from dataclasses import asdict

    from tuneloop.prepare.spam_model import fit_spam_model, fitted_by
    from tuneloop.runs.stoppable import stoppable

    with _uploads(ws, lease.run) as named:
        fitted = fit_spam_model(named(lease.spec["file"]), fitted_by(ws, lease.run), progress=stoppable(lease))
    return {**asdict(fitted), "file": lease.run}


@contextmanager
def _uploads(ws: Workspace, run: str) -> Iterator[Callable[[str], Path]]:
    """What lays an uploaded file's bytes under the name that it was uploaded with, by which its format is known.

    The copies go when the block ends: a file that is deleted afterwards must be gone.
    """
    from tuneloop.store.files import INPUTS, content, file

    def named(identity: str) -> Path:
        found = file(ws, identity)
        place = ws.path("runs", run, INPUTS, found.id) / (Path(found.filename.replace("\\", "/")).name or "file")
        shutil.copyfile(content(ws, found), place)  # also over what a killed process left half written
        return place

    try:
        yield named
    finally:
        shutil.rmtree(ws.folder / "runs" / run / INPUTS, ignore_errors=True)


def _evaluate(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop import loop
    from tuneloop.evaluate import EvaluateRecipe

    recipe = read(EvaluateRecipe, lease.spec["evaluate"], path="evaluate")
    return {"evaluation": loop.evaluate(lease.spec["model"], workspace=ws, recipe=recipe, lease=lease).name}


def _tune(ws: Workspace, lease: Lease) -> dict[str, Any]:
    from tuneloop.jobs.tuning import tune

    return tune(ws, lease)
