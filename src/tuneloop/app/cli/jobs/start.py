"""Starting a job's process from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneloop.store import Workspace
    from tuneloop.store.jobs import Job


def start(ws: Workspace, job: Job) -> None:
    """Start the job's process, which waits for its turn; a server's process for the same run gives way."""
    from tuneloop.runs.executors.local import LocalExecutor
    from tuneloop.store import jobs

    found = jobs.job(ws, job.id)
    if found.outcome is None and found.state == "queued":
        LocalExecutor().start(ws, job.run)
