"""What surrounds the loop in a real run: the lease, the curves, the checkpoints, the person who watches or stops it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from tuneloop.errors import StoppedError
from tuneloop.records import Progress, Watcher
from tuneloop.train import checkpoints
from tuneloop.train.fit import Hooks, Plan, State
from tuneloop.train.optimizer import Updater

if TYPE_CHECKING:
    from tuneloop.runs import Lease
    from tuneloop.train.backend import OnCheckpoint
    from tuneloop.train.batches import Batch
    from tuneloop.train.learner import Learner
    from tuneloop.train.stopping import Asked
    from tuneloop.train.tuner import Tuner

PERIOD = 1.0  # seconds between looks at the database; a small model makes 50 steps in one


NAMED = 32
"""Records that a step with a strange loss names."""


class Spread:
    """The losses of the last steps, and whether a new one stands out from them.

    Compared with the last `WINDOW` alone, as losses fall; at most `TOLD` are told a run, none before `FIRST` steps.
    """

    WINDOW, FIRST, FAR, TOLD = 50, 20, 4.0, 10

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=self.WINDOW)
        self._told, self.mean = 0, 0.0

    def strange(self, loss: float) -> bool:
        """Whether a loss is more than `FAR` deviations above the mean of those before; it counts from then on."""
        found = False
        if len(self._last) >= self.FIRST and self._told < self.TOLD:
            self.mean = fmean(self._last)
            found = loss > self.mean + self.FAR * pstdev(self._last, self.mean)
        self._last.append(loss)
        self._told += found
        return found


def stopped(lease: Lease, how: str, step: int) -> StoppedError:
    """End the attempt as it was asked for ("pause", "cancel"), and the sentence that says so."""
    if how == "cancel":
        lease.cancel()
        return StoppedError(f"{lease.run} was cancelled at step {step}")
    lease.pause()
    kept = "its checkpoint is saved" if step else "nothing was trained yet"
    return StoppedError(f"{lease.run} stopped at step {step}; {kept}", do="Go on with: tuneloop train --resume")


class Encoding:
    """Called with how many records there are and are encoded: tells it, and stops the run when asked to."""

    def __init__(self, lease: Lease, asked: Asked, progress: Watcher) -> None:
        self.lease, self.asked, self.progress = lease, asked, progress
        self._looked = time.monotonic()

    def __call__(self, total: int, done: int) -> None:
        if time.monotonic() - self._looked < PERIOD:
            return
        self._looked = time.monotonic()
        self.progress(Progress("encode", done, total, "records"))
        self.lease.event("encoding", done=done, total=total)
        if how := "pause" if self.asked else self.lease.should_stop():
            raise stopped(self.lease, how, 0)


class Session(Hooks):
    """Points of the curves are written once a second and before each checkpoint, so that none is missing there."""

    def __init__(
        self,
        lease: Lease,
        updater: Updater,
        learner: Learner,
        plan: Plan,
        asked: Asked,
        progress: Watcher,
        on_checkpoint: OnCheckpoint | None,
        tuner: Tuner | None = None,
    ) -> None:
        self.lease, self.updater, self.learner, self.plan, self.asked = lease, updater, learner, plan, asked
        self.progress, self.on_checkpoint, self.tuner = progress, on_checkpoint, tuner
        self._losses = Spread()
        self.latest: dict[str, float] = {}
        self._waiting: dict[int, dict[str, float]] = {}
        self._looked = self._began = time.monotonic()
        self._steps = 0  # done by this attempt
        self._saved = -1  # the step of the last checkpoint

    def restore(self) -> State:
        """Where the run was at its newest checkpoint, or its beginning."""
        folder = self.lease.latest_checkpoint()
        if folder is None:
            return State()
        state = checkpoints.load(folder, self.updater, self.learner)
        self._saved = state.step
        # A run that was killed behind its last step measures nothing more: its figures are those of the curves.
        for point in self.lease.points():
            if point.step <= state.step:
                self.latest[point.name] = point.value
        self.lease.event("resumed_from", step=state.step)
        return state

    def restore_best(self, state: State) -> None:
        """Put the weights with the lowest validation loss back, where they are not the last ones."""
        folder = self.lease.best_checkpoint()
        if folder is not None and state.best_step != state.step:
            checkpoints.load_weights(folder, self.updater)

    def stop(self) -> str:
        if self.asked:
            return "pause"
        if time.monotonic() - self._looked < PERIOD:
            return ""
        self.flush()
        return self.lease.should_stop()

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        self._waiting.setdefault(step, {}).update(values)
        self.latest.update(values)
        if "tokens_per_second" in values:
            self._steps += 1
            left = (self.plan.steps - step) * (time.monotonic() - self._began) / self._steps
            shown = {**self.latest, "seconds_left": left}
            self.progress(Progress("train", step, self.plan.steps, "steps", shown))

    def trained_on(self, step: int, loss: float, batches: Sequence[Batch]) -> None:
        """Name the records of a step whose loss stands far out: they may be wrong, or of another kind."""
        if self._losses.strange(loss):
            records = list(dict.fromkeys(record for batch in batches for record in batch.records()))
            self.lease.event("worst_batch", step=step, loss=loss, usual=self._losses.mean, records=records[:NAMED])

    def checkpoint(self, state: State) -> None:
        self._save(state, None)

    def improved(self, state: State) -> None:
        self._save(state, state.best)

    def _save(self, state: State, loss: float | None) -> None:
        self.flush()
        if state.step == self._saved:
            return
        folder = self.lease.new_checkpoint()
        checkpoints.save(folder, state, self.updater, self.learner)
        if self.lease.keeps_models and self.tuner is not None:
            checkpoints.save_model(folder, self.tuner, self.learner)
        place = self.lease.commit_checkpoint(folder, state.step, loss)
        self._saved = state.step
        best = None if math.isinf(state.best) else state.best
        self.lease.event("checkpoint", step=state.step, best=best, best_step=state.best_step)
        if self.on_checkpoint:
            self.on_checkpoint(place, state.step, dict(self.latest))

    def flush(self) -> None:
        """Write the points that wait; the database is looked at in the same moment."""
        if self._waiting:
            self.lease.metrics(self._waiting)
            self._waiting.clear()
        self._looked = time.monotonic()
