"""Where a run's process starts: the contract of the executors (`local`; a cluster is one more file)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tuneloop.registry import Member, Registry

if TYPE_CHECKING:
    from tuneloop.runs.run import Run
    from tuneloop.store import Workspace

WORKER = "tuneloop.app.worker"
"""A run's process is `python -m MODULE WORKSPACE RUN` with this module: it claims the run and calls the stage.

Without arguments it loads what every run needs, and reads `["WORKSPACE", "RUN"]` as one line from standard input.
"""


class Executor(Member):
    """Starts and stops processes; the runs themselves live in the queue and outlive the executor."""

    @abstractmethod
    def start(self, ws: Workspace, run_id: str, entry: str = WORKER) -> int:
        """Start a process for a queued run; returns its number."""

    @abstractmethod
    def stop(self, ws: Workspace, run_id: str, grace: float = 30.0) -> Run:
        """Cancel a run: ask, wait up to `grace` seconds, then end its whole process group."""


executors = Registry("tuneloop.runs.executors", Executor)
