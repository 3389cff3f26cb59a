"""The work of a job's run: its files prepared, the model trained, name and result file made.

A process that is killed at any point is followed by another attempt, which finds what is done: the dataset version is
the same for the same file, training goes on from its checkpoint, and the last transaction is all or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tuneloop import loop
from tuneloop.config import read
from tuneloop.errors import ConflictError, StoppedError, TuneloopError
from tuneloop.jobs import creating, ending, held_out
from tuneloop.jobs.checkpoint_models import keep_checkpoints
from tuneloop.jobs.classification import COMPUTE, Classes, classes_of, measure
from tuneloop.jobs.inputs import write_inputs
from tuneloop.jobs.naming import model_name
from tuneloop.jobs.recipes import RATE, multiplier, prepare_recipe, resolved_numbers, train_recipe
from tuneloop.jobs.results import result_csv
from tuneloop.jobs.telling import JobLease
from tuneloop.records import DatasetVersion, ModelVersion
from tuneloop.runs import Lease
from tuneloop.store import Workspace, files
from tuneloop.store import jobs as rows
from tuneloop.store.files import insert_file
from tuneloop.store.jobs import Job
from tuneloop.store.model_names import add_name
from tuneloop.store.tables import lock_kind
from tuneloop.train import plan
from tuneloop.train.recipe import TrainRecipe


def tune(ws: Workspace, lease: Lease) -> dict[str, Any]:
    """Carry out the job that the run is for; returns what it made.

    Raises `StoppedError` when it was paused or cancelled, and what made it fail, after the job was told of it.
    """
    job = rows.job_of_run(ws, lease.run)
    creating.validate(ws, job.id)
    job = rows.job(ws, job.id)
    if job.outcome == "succeeded":
        return {"model": job.fine_tuned_model}
    if job.outcome is not None:
        raise _over(lease, job)
    try:
        return _carried_out(ws, lease, job)
    except StoppedError:
        raise
    except Exception as error:
        if not lease.lost:
            _failed(ws, lease, job, error)
        raise


def _carried_out(ws: Workspace, lease: Lease, job: Job) -> dict[str, Any]:
    derived: list[float] = []  # the learning rate of our rules, where the job asks for a multiple of it

    def resolved(connection: Connection, recipe: Mapping[str, Any]) -> None:
        name = job.method["type"]
        own = {**job.method[name], "hyperparameters": resolved_numbers(job, recipe, derived[0] if derived else None)}
        rows.change(connection, job.id, method={**job.method, name: own})

    def trained(told: JobLease) -> None:
        keep_checkpoints(ws, told, job)

    told = JobLease(lease, job.id, resolved, trained)
    told.started()
    version = _prepared(ws, told, job)
    if job.options.get(COMPUTE):
        _say_classes(told, classes_of(ws, job, version))
    recipe = read(TrainRecipe, train_recipe(job, version, lease.spec["base"]), path="train")
    times = multiplier(job)
    if times is not None and recipe.learning_rate is None:
        derived.append(float(plan(version, recipe, workspace=ws).recipe.learning_rate or 0.0))
        recipe = recipe.model_copy(update={"learning_rate": derived[0] * times / RATE})
        recipe = read(TrainRecipe, recipe.model_dump(exclude_unset=True), path="train")
    elif recipe.learning_rate is not None:  # the job shows by how much it differs from the derived one
        unsaid = recipe.model_copy(update={"learning_rate": None})
        derived.append(float(plan(version, unsaid, workspace=ws).recipe.learning_rate or 0.0))
    model = loop.train(version.name, workspace=ws, recipe=recipe, lease=told)
    return _made(ws, told, job, model)


def _prepared(ws: Workspace, lease: JobLease, job: Job) -> DatasetVersion:
    inputs = write_inputs(ws, job, lease.folder / "input")
    version = loop.prepare(list(inputs), workspace=ws, recipe=prepare_recipe(job, inputs), lease=lease)
    counts = ", ".join(f"{split} {count}" for split, count in version.splits.items() if count)
    reasons = [
        {"outcome": one["outcome"], "reason": one["reason"], "count": one["count"]}
        for one in version.report.get("reasons", ())
    ]
    lease.say(f"Prepared {version.name}: {counts}", data=version.name, splits=dict(version.splits), reasons=reasons)
    if job.validation_file is not None:
        _say_in_both(ws, lease, job, version, inputs[-1])
    return version


def _say_in_both(ws: Workspace, lease: JobLease, job: Job, version: DatasetVersion, training: Path) -> None:
    """Rows of both files are validated on; raises `InputError` where no other is left."""
    both = held_out.count(ws, version, training)
    if both and not version.splits.get("train"):
        raise held_out.nothing_left(files.file(ws, job.training_file, expired=True).filename)
    if not version.splits.get("validation"):
        lease.say("Cleaning left no row of the validation file, so nothing is validated on", level="warn")
    if both:
        lease.say(
            f"Rows of the training file that are not trained on, as the validation file holds them or nearly the same:"
            f" {both}",
            level="warn",
            in_both=both,
        )


def _made(ws: Workspace, lease: JobLease, job: Job, model: ModelVersion) -> dict[str, Any]:
    """Name, result file, outcome and the last events, in one transaction."""
    name = model_name(job)
    figures = _classified(ws, lease, job, model) if job.options.get(COMPUTE) else None
    content = result_csv(lease.points(), figures)
    address = ws.blobs.put(content)
    with ws.db.write(durable=True) as connection:
        lease.fence(connection)
        if rows.locked(connection, job.id)["outcome"] is None:
            lock_kind(connection, "file")
            file = insert_file(
                connection,
                address,
                filename="step_metrics.csv",
                purpose="fine-tune-results",
                size=len(content),
                owner=job.owner,
            )
            add_name(connection, name, model.name, job.id)
            rows.tell(connection, job.id, f"New fine-tuned model created: {name}")
            rows.tell(connection, job.id, "The job has successfully completed")
            tokens = int(model.metrics.get("tokens", 0))
            ending.end(
                connection,
                job.id,
                "succeeded",
                fine_tuned_model=name,
                trained_tokens=tokens,
                result_files=[file.id],
            )
    after = rows.job(ws, job.id)
    if after.outcome != "succeeded":
        raise _over(lease, after)
    return {"model": model.name, "fine_tuned_model": name, "result_files": list(after.result_files)}


def _say_classes(lease: JobLease, classes: Classes) -> None:
    """Before anything is trained, as only the classes can be wrong."""
    positive = f"; the positive one is {classes.names[classes.positive]!r}" if len(classes.names) == 2 else ""
    lease.say(f"The answers are {len(classes.names)} classes{positive}", classes=classes.names)


def _classified(ws: Workspace, lease: JobLease, job: Job, model: ModelVersion) -> Mapping[str, float]:
    found = measure(ws, job, model)
    if found.split != "validation":
        lease.say("Nothing was held out: the classification figures are those of the training rows", level="warn")
    if found.left_out:
        lease.say(
            f"Classification figures leave out {found.left_out} of {found.left_out + found.examples} examples, which"
            " do not fit into the model's context with each class",
            level="warn",
        )
    return found.figures


def _failed(ws: Workspace, lease: Lease, job: Job, error: Exception) -> None:
    with ws.db.write(durable=True) as connection:
        lease.fence(connection)
        ending.fail(connection, job.id, ending.error_of(error))


def _over(lease: Lease, job: Job) -> TuneloopError:
    """The job has ended by another's word: end the run likewise."""
    if job.outcome == "cancelled":
        lease.cancel()
        return StoppedError(f"{job.id} was cancelled")
    return ConflictError(f"{job.id} has ended: {(job.error or {}).get('message', job.outcome)}")
