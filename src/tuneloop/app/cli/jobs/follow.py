"""`tuneloop jobs follow`: a job's events from the first on, until it ends."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tuneloop.app.cli.jobs.told import tell
from tuneloop.app.cli.options import JobArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.errors import ConflictError, StorageError

if TYPE_CHECKING:
    from tuneloop.store import Workspace
    from tuneloop.store.jobs import Job, JobEvent

INTERRUPTED = "\nStream interrupted (client disconnected).\nTo resume the stream, run:\n\n  tuneloop jobs follow {id}\n"
"""The words of OpenAI's old client, which scripts look for."""

POLL, PATIENCE = 0.5, 2.0
AFTER = ("succeeded", "failed", "cancelled")


def command(identity: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Follow a job's events until it ends.

    \b
    Examples:
      tuneloop jobs follow ftjob-9kQ2v
    """
    from tuneloop.jobs.shaping import shaped
    from tuneloop.store import jobs

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        job = follow(screen, ws, jobs.job(ws, identity))
    tell(screen, job)
    screen.result(shaped(job))


def follow(screen: Screen, ws: Workspace, job: Job) -> Job:
    """Show the events from the first on until the job has ended; a database that is away is waited for."""
    from tuneloop.jobs import ending
    from tuneloop.store import jobs

    number = 0
    try:
        while True:
            try:
                last, outcome, state = jobs.pulse(ws, job.id)
                for event in jobs.events_since(ws, job.id, number):
                    number = event.number
                    screen.say(_line(event))
                if outcome is not None and number >= last:
                    return jobs.job(ws, job.id)
                if outcome is None and state in AFTER:
                    ending.reconcile(ws, job.id)
                if number >= last:
                    time.sleep(POLL)
            except (StorageError, ConflictError):
                time.sleep(PATIENCE)
    except KeyboardInterrupt:
        print(INTERRUPTED.format(id=job.id), file=sys.stderr)
        raise


def _line(event: JobEvent) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.created))
    return f"[{moment}] {event.message}"
