"""The backend contract: where a training job is carried out.

A job is everything that has been decided when training begins; a result is a folder with what was trained.  Ours
(`torch`) loads the model and runs the loop here.  Two other kinds fit the same contract (`tests/train/test_backends.py`
holds one of each):

- a whole trainer, another library's: it takes the examples that `assembly.encode` makes, so that masks and templates
  are ours, trains by its own loop, tells the lease its figures, asks it whether to stop, and leaves PEFT's or Hugging
  Face's files in the folder;
- a remote one, a provider's: it hands the records over, keeps the provider's job in the run's folder, so that a later
  attempt waits for the same job, and leaves `remote.json` with the name of what was made there.
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
    """`folder` holds the finished adapter or model, or for `remote` what names it at the provider; `base` is what it
    was made from, as a person names it."""

    folder: Path
    form: Literal["adapter", "full", "remote"]
    base: str
    objective: str
    tuner: str
    resolved: Resolved
    metrics: Mapping[str, float]


class Backend(Member, ABC):
    def check(self, recipe: TrainRecipe) -> None:
        """Refuse by name what this backend cannot carry out; raises `SettingError`, before anything is queued."""

    @abstractmethod
    def run(self, job: Job, lease: Lease, progress: Watcher) -> Trained:
        """Train to the end, going on from the lease's newest checkpoint where there is one.

        Raises `StoppedError` when a person paused or cancelled it, after saving a checkpoint.
        """

    @abstractmethod
    def preview(self, job: Job) -> Resolved:
        """The recipe without gaps, as `run` would use it; nothing is written."""


backends: Registry[Backend] = Registry("tuneloop.train.backends", Backend)
