"""Train: dataset version + base → model version.

recipe.py         what a person may say; resolve.py fills the gaps by the rules of defaults.py, each with its reason
objective.py      objectives/    which records teach what, and the loss
tuner.py          tuners/        which weights move, and how they are kept
optimizer.py      optimizers/    how weights move (flat.py: as one row); schedules.py: how fast
data.py → examples.py → mixtures.py → batches.py     records → token examples → order → packed batches
learner.py        learners/      an objective at work in one run
references.py     pairs.py       what preferences share: a reference model's scores, two answers to a question
reinforcement.py  rollouts.py    what rewards share: answers of the model's own; policy.py: the formulas
fit.py            the one training loop; session.py: curves, checkpoints and stops around it
plans.py          stages, each from what the one before made; work.py: one of them carried out; ability.py: forgetting
backend.py        backends/      where a job is carried out; ours assembles (assembly.py) and runs the loop
export.py         exports/       a model version as files for other tools
preview.py        which tokens of a record would be trained on
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.records import DatasetVersion, ModelVersion, Split, Watcher, together, unwatched
from tuneloop.train.recipe import Resolved, TrainRecipe

if TYPE_CHECKING:
    from tuneloop.runs import Lease
    from tuneloop.store.workspace import Workspace
    from tuneloop.train.backend import Job, OnCheckpoint
    from tuneloop.train.preview import Preview

__all__ = ["Resolved", "TrainRecipe", "plan", "previews", "train"]


def train(
    version: DatasetVersion | None,
    recipe: TrainRecipe | None = None,
    *,
    workspace: Workspace,
    lease: Lease | None = None,
    on_checkpoint: OnCheckpoint | None = None,
    progress: Watcher = unwatched,
) -> ModelVersion:
    """Train on a dataset version (None: the recipe's, else the newest) and return the finished model version.

    Under a `lease` it goes on from that run's newest checkpoint and leaves ending the run to the lease's owner, except
    that a stop which was asked for pauses or cancels it and raises `StoppedError`.  Without one it is a run of this
    process.
    """
    from tuneloop.runs import queue
    from tuneloop.store.models import add_model, models
    from tuneloop.train.backend import backends
    from tuneloop.train.curves import write_curves

    recipe = recipe or TrainRecipe()
    job = _job(version, recipe, workspace, on_checkpoint)
    backend = backends.create(recipe.backend, path="backend")
    own = lease is None
    lease = lease or queue.here(
        workspace, "train", {"data": job.version.name, "train": recipe.model_dump(mode="json", exclude_unset=True)}
    )
    for made in models(workspace):
        if made.run == lease.run:  # an earlier attempt died between its last row and the run's end
            return made
    try:
        trained = backend.run(job, lease, together(progress, lease.watch))
        write_curves(workspace, lease)
        model = add_model(
            workspace,
            base=trained.base,
            form=trained.form,
            folder=trained.folder,
            objective=trained.objective,
            tuner=trained.tuner,
            recipe=trained.resolved.as_dict(),
            metrics=trained.metrics,
            dataset=job.version.name,
            scenario=job.version.scenario,
            run=lease.run,
            fence=lease.fence,
        )
    except BaseException as error:
        if own and not lease.ended:
            lease.fail(error)
        raise
    lease.event("model_added", model=model.name)
    if own:
        lease.finish({"model": model.name})
    return model


def plan(version: DatasetVersion | None, recipe: TrainRecipe | None = None, *, workspace: Workspace) -> Resolved:
    """The recipe without gaps, as `train` would use it, each value with its origin; nothing is written."""
    from tuneloop.train.backend import backends

    recipe = recipe or TrainRecipe()
    job = _job(version, recipe, workspace, None)
    return backends.create(recipe.backend, path="backend").preview(job)


def previews(
    version: DatasetVersion | None,
    recipe: TrainRecipe | None = None,
    *,
    workspace: Workspace,
    count: int = 3,
    split: Split = "train",
) -> tuple[Resolved, list[Preview]]:
    """The first `count` records of a split exactly as `train` would see them: each piece with its turn and its weight,
    what `max_length` cuts, and why a record is set aside.  Nothing is written."""
    from tuneloop.train.preview import previews as look

    return look(_job(version, recipe or TrainRecipe(), workspace, None), count, split)


def _job(
    version: DatasetVersion | None, recipe: TrainRecipe, workspace: Workspace, on_checkpoint: OnCheckpoint | None
) -> Job:
    from tuneloop.store import datasets
    from tuneloop.train import resolve
    from tuneloop.train.backend import Job

    version = version or datasets.version(workspace, recipe.data or "newest")
    resolve.check(recipe, version.kinds, version.name)
    return Job(workspace, version, recipe, on_checkpoint)
