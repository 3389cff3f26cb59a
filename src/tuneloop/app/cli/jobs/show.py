"""`tuneloop jobs show`: one job, as it stands."""

from __future__ import annotations

from tuneloop.app.cli.jobs.told import tell
from tuneloop.app.cli.options import JobArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(identity: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show how one job stands.

    \b
    Examples:
      tuneloop jobs show ftjob-9kQ2v
    """
    from tuneloop.jobs.shaping import shaped
    from tuneloop.store import jobs

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        job = jobs.job(ws, identity)
    tell(screen, job)
    screen.result(shaped(job))
