"""`tuneloop runs pause`: stop a run with a checkpoint, to go on later."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, RunArgument, WorkspaceOption, workspace_at
from tuneloop.app.cli.runs.told import tell
from tuneloop.app.cli.screen import Screen


def command(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Stop a run with a checkpoint, to go on later.

    \b
    Examples:
      tuneloop runs pause run-4
    """
    from tuneloop.runs import queue

    with workspace_at(workspace, create=False) as ws:
        found = queue.pause(ws, run)
    tell(Screen(as_json), found)
