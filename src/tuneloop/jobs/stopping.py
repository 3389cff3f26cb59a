"""Cancel, pause and resume: the job's word first, then its run's."""

from __future__ import annotations

from tuneloop.errors import ConflictError
from tuneloop.jobs import ending
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.store import jobs as rows
from tuneloop.store.jobs import Job


class JobEnded(ConflictError):
    """A job that has ended cannot be stopped or resumed."""

    code = "job_not_cancellable"


def cancel(ws: Workspace, identity: str) -> Job:
    """End a job for good; one that is cancelled already stays so.  Its process stops within a second or so."""
    job = rows.job(ws, identity)
    if job.outcome != "cancelled":
        ending.reconcile(ws, identity)
        with ws.db.write(durable=True) as connection:
            if rows.locked(connection, identity)["outcome"] not in (None, "cancelled"):
                raise _ended(identity)
            ending.cancel(connection, identity)
    follow_cancelled(ws, rows.job(ws, identity))
    return rows.job(ws, identity)


def follow_cancelled(ws: Workspace, job: Job) -> None:
    """Let the run of a cancelled job stop as well; the supervisor does it for one that a crash left between."""
    if job.outcome == "cancelled" and job.state in ("queued", "running", "pausing", "paused"):
        queue.cancel(ws, job.run)


def pause(ws: Workspace, identity: str) -> Job:
    """Keep a checkpoint and stop; a job that is paused or pausing stays so."""
    job = _live(ws, identity)
    if job.state not in ("paused", "pausing"):
        queue.pause(ws, job.run)
        _tell(ws, identity, "Fine-tuning job paused" if job.state == "queued" else "Pausing the fine-tuning job")
    return rows.job(ws, identity)


def resume(ws: Workspace, identity: str) -> Job:
    """Back into the queue, from the last checkpoint; a job that is not stopped stays as it is."""
    job = _live(ws, identity)
    if job.state == "pausing":
        raise ConflictError(
            f"{identity} is still pausing", expected="a paused job", do="Wait until its status is paused"
        )
    if job.state == "paused":
        queue.resume(ws, job.run)
        _tell(ws, identity, "Fine-tuning job resumed, moving job to queued state")
    return rows.job(ws, identity)


def _live(ws: Workspace, identity: str) -> Job:
    ending.reconcile(ws, identity)
    job = rows.job(ws, identity)
    if job.outcome is not None:
        raise _ended(identity)
    return job


def _tell(ws: Workspace, identity: str, message: str) -> None:
    with ws.db.write() as connection:
        if rows.locked(connection, identity)["outcome"] is None:
            rows.tell(connection, identity, message)


def _ended(identity: str) -> JobEnded:
    return JobEnded(f"Job has already completed: {identity}")
