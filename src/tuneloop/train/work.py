"""One stage carried out: assembled, trained, measured, and its result written where the next one finds it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.records import Watcher
from tuneloop.store.durable import publish, storage_errors, temporary_beside
from tuneloop.train import ability
from tuneloop.train.backend import Job
from tuneloop.train.plans import Done, Stage, Start

if TYPE_CHECKING:
    from tuneloop.runs import Lease
    from tuneloop.train.assembly import Assembly
    from tuneloop.train.fit import State
    from tuneloop.train.stopping import Asked


def stage_job(job: Job, stage: Stage) -> Job:
    """The run's job with the settings and the data of one stage."""
    return replace(job, recipe=stage.recipe, version=stage.version)


def place_of(job: Job, lease: Lease, part: Lease, stage: Stage) -> Path:
    """Where a stage's result goes: the last one's is the model version's folder."""
    return job.workspace.path("models") / lease.run if stage.last else part.folder / "result"


@dataclass(frozen=True)
class Work:
    job: Job
    lease: Lease
    start: Start
    place: Path

    def train(self, stage: Stage, asked: Asked, progress: Watcher) -> Done:
        """Train the stage to its end, going on from its newest checkpoint; raises `StoppedError` when stopped."""
        import torch

        from tuneloop.models.allocation import returning_at_once
        from tuneloop.train.assembly import assemble
        from tuneloop.train.fit import fit
        from tuneloop.train.fitting import Watch
        from tuneloop.train.session import Encoding, Session, stopped

        lease = self.lease
        watch = Watch("cuda" if torch.cuda.is_available() else "cpu")
        with watch.telling():
            parts = assemble(self.job, lease, Encoding(lease, asked, progress), self.start, watch)
            session = Session(
                lease,
                parts.updater,
                parts.learner,
                parts.plan,
                asked,
                progress,
                self.job.on_checkpoint,
                parts.tuner,
            )
            state = session.restore()
            with returning_at_once(parts.resolved.recipe.gradient_checkpointing):
                ended = fit(parts.learner, parts.tuner, parts.updater, parts.plan, state, session)
        session.flush()
        if ended in ("pause", "cancel"):
            raise stopped(lease, ended, state.step)
        session.restore_best(state)
        metrics = _figures(session.latest, state) | {"steps": state.step, "tokens": state.tokens}
        metrics |= self._general(parts)
        lease.event("trained", ended=ended, **metrics)
        form = self._write(stage, parts)
        if outcome := watch.outcome():
            lease.event("memory", text=outcome[1]._asdict(), **outcome[0])
        done = Done(
            folder=self.place,
            form=form,
            steps=state.step,
            tokens=state.tokens,
            metrics=metrics,
            resolved=parts.resolved,
            objective=parts.objective.name,
            tuner=parts.tuner.name,
        )
        if not stage.last:
            done.write(lease.folder)
        return done

    def _general(self, parts: Assembly) -> dict[str, float]:
        """Bits per byte of general text before and after, with a word where much was forgotten."""
        before = parts.before
        after = ability.measured(parts.lm, parts.resolved.recipe.general) if before else None
        if text := ability.warning(before, after):
            self.lease.event("advice", topic="forgetting", text=text._asdict())
        return ability.figures(before, after)

    def _write(self, stage: Stage, parts: Assembly) -> str:
        """The result in its folder, whole or not there; a folder that an interrupted attempt left is replaced.

        Returns its form: an adapter is folded into a whole model where its base is not the run's own, and where the
        next stage does not go on with it.
        """
        form, base = parts.tuner.traits.form, parts.base.name
        whole = form != "full" and (self.start.base is not None or not (stage.last or stage.hands_on))
        temporary = temporary_beside(self.place)
        with storage_errors(self.place):
            temporary.mkdir(parents=True)
            parts.tuner.save(parts.lm, temporary)
            parts.learner.save(temporary)
            if whole:
                _fold(self.job, base, temporary)
            if self.place.exists():
                shutil.rmtree(self.place)
            publish(temporary, self.place)
        return "full" if whole else form


def _fold(job: Job, base: str, folder: Path) -> None:
    """Turn an adapter's folder into a whole model's: its base is loaded anew, as it may be held in fewer bits."""
    from tuneloop.models.adapter import CONFIG, WEIGHTS, load_adapter
    from tuneloop.models.versions import load_named

    dtype = None if job.recipe.precision == "auto" else job.recipe.precision
    lm = load_named(job.workspace, base, dtype=dtype)
    load_adapter(folder, lm).merge(lm)
    for name in (CONFIG, WEIGHTS):
        (folder / name).unlink()
    lm.save(folder)


def _figures(latest: Mapping[str, float], state: State) -> dict[str, float]:
    """The last values of the curves, and the best where there was validation."""
    kept = {name: value for name, value in latest.items() if name == "loss" or name.startswith("validation_")}
    return kept | ({"best_validation_loss": state.best, "best_step": state.best_step} if state.best_step else {})
