"""`tuneloop jobs pause`: stopped with a checkpoint."""

from __future__ import annotations

from tuneloop.app.cli.jobs.told import tell
from tuneloop.app.cli.options import JobArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(identity: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Stop a job with a checkpoint, to go on later.

    \b
    Examples:
      tuneloop jobs pause ftjob-9kQ2v
    """
    from tuneloop.jobs import stopping
    from tuneloop.jobs.shaping import shaped
    from tuneloop.store import jobs

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        job = stopping.pause(ws, jobs.job(ws, identity).id)
    tell(screen, job)
    screen.result(shaped(job))
