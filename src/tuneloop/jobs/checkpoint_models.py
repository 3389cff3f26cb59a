"""Checkpoints of a job as models that answer by `…:ckpt-step-88`.

Those that are still there when the last step is done are kept: the newest two and the best.  They become model versions
before the finished model does, so that the newest version is the finished one.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from tuneloop.jobs.naming import model_name
from tuneloop.runs.checkpoints import Checkpoint, whole
from tuneloop.store import Workspace
from tuneloop.store import jobs as rows
from tuneloop.store.durable import publish, storage_errors, temporary_beside
from tuneloop.store.jobs import Job
from tuneloop.store.model_names import add_name, version_of
from tuneloop.store.models import add_model, models
from tuneloop.train.checkpoints import MODEL

if TYPE_CHECKING:
    from tuneloop.jobs.telling import JobLease


def keep_checkpoints(ws: Workspace, lease: JobLease, job: Job) -> None:
    """Give each whole checkpoint that holds a model its version and its name; done again it changes nothing."""
    recipe = json.loads((lease.folder / "resolved.json").read_text(encoding="utf-8"))
    for one in sorted(lease.checkpoints(), key=lambda found: found.step):
        folder = ws.folder / one.folder
        if (folder / MODEL).is_dir() and whole(folder) and version_of(ws, model_name(job, one.step)) is None:
            _keep(ws, lease, job, one, recipe)


def _keep(ws: Workspace, lease: JobLease, job: Job, one: Checkpoint, recipe: dict[str, Any]) -> None:
    place = ws.path("models") / f"{lease.run}-step-{one.step}"
    if not place.exists():
        temporary = temporary_beside(place)
        with storage_errors(place):
            shutil.copytree(ws.folder / one.folder / MODEL, temporary)
            publish(temporary, place)
    relative = ws.relative(place)
    made = next((version for version in models(ws) if version.folder == relative), None)
    if made is None:  # else an attempt before was killed between version and name
        values = recipe["train"]
        made = add_model(
            ws,
            base=values["base"],
            form="adapter",
            folder=place,
            objective=_named(values["objective"]),
            tuner=_named(values["tuner"]),
            recipe=recipe,
            metrics={"steps": one.step} | ({} if one.loss is None else {"validation_loss": one.loss}),
            dataset=_dataset(ws, lease),
            fence=lease.fence,
        )
    with ws.db.write(durable=True) as connection:
        lease.fence(connection)
        if rows.locked(connection, job.id)["outcome"] is None:
            add_name(connection, model_name(job, one.step), made.name, job.id, one.step)


def _named(spec: Any) -> str:
    return str(spec["name"] if isinstance(spec, dict) else spec)


def _dataset(ws: Workspace, lease: JobLease) -> str | None:
    from tuneloop.store import datasets

    return next((one.name for one in datasets.versions(ws) if one.run == lease.run), None)
