"""Our own backend: the model is loaded here and trained by the loop in `fit.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tuneloop.records import Watcher
from tuneloop.store.durable import write_file
from tuneloop.train.backend import Backend, Job, Trained
from tuneloop.train.plans import Done, Start, stages_of
from tuneloop.train.recipe import Resolved, TrainRecipe
from tuneloop.train.resolve import DEFAULT, GIVEN
from tuneloop.train.work import Work, place_of, stage_job
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs import Lease


class Torch(Backend):
    """Assembles the parts of the loop, runs it, and writes the result into a folder of its own."""

    title: ClassVar[Words] = Words("PyTorch, on this machine", "本机 PyTorch")
    help: ClassVar[Words] = Words(
        "Loads the model here and trains it with tuneloop's own loop.",
        "在本机加载模型，用 tuneloop 自己的训练循环训练。",
    )

    def preview(self, job: Job) -> Resolved:
        from tuneloop.train.assembly import look

        found = [look(stage_job(job, stage))[1] for stage in stages_of(job.workspace, job.recipe, job.version)]
        return _together(job.recipe, found)

    def run(self, job: Job, lease: Lease, progress: Watcher) -> Trained:
        from tuneloop.runs.parts import Part
        from tuneloop.train.bases import find
        from tuneloop.train.stopping import signals

        stages = stages_of(job.workspace, job.recipe, job.version)
        start, finished = Start(), list[Done]()
        with signals() as asked:
            for stage in stages:
                part = lease
                if len(stages) > 1:
                    part = Part(lease, stage.number, before=sum(done.steps for done in finished))
                done = Done.read(part.folder)
                if done is None:
                    if isinstance(part, Part):
                        part.begin()
                    work = Work(stage_job(job, stage), part, start, place_of(job, lease, part, stage))
                    done = work.train(stage, asked, progress)
                finished.append(done)
                start = done.start(start, stage.hands_on)
        last = finished[-1]
        resolved = _together(job.recipe, [done.resolved for done in finished])
        write_file(last.folder / "recipe.yaml", resolved.as_yaml().encode())
        return Trained(
            folder=last.folder,
            form="full" if last.form == "full" else "adapter",
            base=find(job.workspace, job.recipe.base).name,
            objective=last.objective,
            tuner=last.tuner,
            resolved=resolved,
            metrics=_summed(finished),
        )


def _together(recipe: TrainRecipe, found: list[Resolved]) -> Resolved:
    """The stages' values as one; those of a run without stages as they are."""
    if recipe.stages is None:
        return found[0]
    given = recipe.model_fields_set
    origins: dict[str, str | Words] = {key: GIVEN if key in given else DEFAULT for key in TrainRecipe.model_fields}
    return Resolved(recipe, origins, tuple(found))


def _summed(finished: list[Done]) -> dict[str, float]:
    """The last stage's figures, with the steps and tokens of all, and the general ability before the first."""
    metrics = dict(finished[-1].metrics)
    if len(finished) > 1:
        metrics |= {"steps": sum(done.steps for done in finished), "tokens": sum(done.tokens for done in finished)}
        first = finished[0].metrics.get("general_bits_before")
        metrics |= {"general_bits_before": first} if first is not None else {}
    return metrics
