"""The backend contract: where a training job is carried out.

A job is everything that has been decided when training begins; a result is a folder with what was trained.  Ours
(`torch`) loads the model and runs the loop here; others may hand the job to another library or a provider.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tuneloop.records import DatasetVersion, Watcher
from tuneloop.registry import Member, Registry
from tuneloop.train.recipe import Resolved, TrainRecipe

if TYPE_CHECKING:
    from tuneloop.runs import Lease
    from tuneloop.store.workspace import Workspace

OnCheckpoint = Callable[[Path, int, Mapping[str, float]], None]
"""Called after each checkpoint with its folder, its step and the latest figures."""


@dataclass(frozen=True)
class Job:
    workspace: Workspace
    version: DatasetVersion
    recipe: TrainRecipe
    on_checkpoint: OnCheckpoint | None = None


@dataclass(frozen=True)
class Trained:
    """`folder` holds the finished adapter or model; `base` is what it was made from, as a person names it."""

    folder: Path
    form: Literal["adapter", "full"]
    base: str
    objective: str
    tuner: str
    resolved: Resolved
    metrics: Mapping[str, float]


class Backend(Member, ABC):
    @abstractmethod
    def run(self, job: Job, lease: Lease, progress: Watcher) -> Trained:
        """Train to the end, going on from the lease's newest checkpoint where there is one.

        Raises `StoppedError` when a person paused or cancelled it, after saving a checkpoint.
        """

    @abstractmethod
    def preview(self, job: Job) -> Resolved:
        """The recipe without gaps, as `run` would use it; nothing is written."""


backends: Registry[Backend] = Registry("tuneloop.train.backends", Backend)
