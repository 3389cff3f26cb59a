"""`tuneloop runs resume`: go on with a paused, failed or interrupted run."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, RunArgument, WorkspaceOption, workspace_at
from tuneloop.app.cli.runs.told import tell
from tuneloop.app.cli.screen import Screen


def command(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Go on with a paused, failed or interrupted run.

    \b
    Examples:
      tuneloop runs resume run-4
    """
    from tuneloop.runs import queue
    from tuneloop.runs.executors.local import LocalExecutor

    with workspace_at(workspace, create=False) as ws:
        found = queue.resume(ws, run)
        LocalExecutor().start(ws, run)
    tell(Screen(as_json), found)
