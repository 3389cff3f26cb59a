"""Our own backend: the model is loaded here and trained by the loop in `fit.py`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tuneloop.records import Watcher
from tuneloop.store.durable import publish, storage_errors, temporary_beside
from tuneloop.train.backend import Backend, Job, Trained
from tuneloop.train.recipe import Resolved
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs import Lease
    from tuneloop.train.assembly import Assembly
    from tuneloop.train.fit import State


class Torch(Backend):
    """Assembles the parts of the loop, runs it, and writes the result into a folder of its own."""

    title: ClassVar[Words] = Words("PyTorch, on this machine", "本机 PyTorch")
    help: ClassVar[Words] = Words(
        "Loads the model here and trains it with tuneloop's own loop.",
        "在本机加载模型，用 tuneloop 自己的训练循环训练。",
    )

    def preview(self, job: Job) -> Resolved:
        from tuneloop.train.assembly import look

        return look(job)[1]

    def run(self, job: Job, lease: Lease, progress: Watcher) -> Trained:
        from tuneloop.train.assembly import assemble
        from tuneloop.train.fit import fit
        from tuneloop.train.session import Encoding, Session, stopped
        from tuneloop.train.stopping import signals

        with signals() as asked:
            parts = assemble(job, lease, Encoding(lease, asked, progress))
            session = Session(lease, parts.updater, parts.learner, parts.plan, asked, progress, job.on_checkpoint)
            state = session.restore()
            ended = fit(parts.learner, parts.tuner, parts.updater, parts.plan, state, session)
            session.flush()
        if ended in ("pause", "cancel"):
            raise stopped(lease, ended, state.step)
        session.restore_best(state)
        metrics = _figures(session.latest, state) | {"steps": state.step, "tokens": state.tokens}
        lease.event("trained", ended=ended, **metrics)
        return Trained(
            folder=_saved(job, lease, parts),
            form="full" if parts.tuner.traits.form == "full" else "adapter",
            base=parts.base.name,
            objective=parts.objective.name,
            tuner=parts.tuner.name,
            resolved=parts.resolved,
            metrics=metrics,
        )


def _figures(latest: Mapping[str, float], state: State) -> dict[str, float]:
    """The last values of the curves, and the best where there was validation."""
    kept = {name: value for name, value in latest.items() if name == "loss" or name.startswith("validation_")}
    return kept | ({"best_validation_loss": state.best, "best_step": state.best_step} if state.best_step else {})


def _saved(job: Job, lease: Lease, parts: Assembly) -> Path:
    """The result in its folder, whole or not there; a folder that an interrupted attempt left is replaced."""
    place = job.workspace.path("models") / lease.run
    temporary = temporary_beside(place)
    with storage_errors(place):
        temporary.mkdir(parents=True)
        parts.tuner.save(parts.lm, temporary)
        parts.learner.save(temporary)
        (temporary / "recipe.yaml").write_text(parts.resolved.as_yaml(), encoding="utf-8")
        if place.exists():
            shutil.rmtree(place)
        publish(temporary, place)
    return place
