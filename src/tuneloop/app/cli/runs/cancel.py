"""`tuneloop runs cancel`: end a run for good."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, RunArgument, WorkspaceOption, workspace_at
from tuneloop.app.cli.runs.told import tell
from tuneloop.app.cli.screen import Screen


def command(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """End a run for good.

    \b
    Examples:
      tuneloop runs cancel run-4
    """
    from tuneloop.runs.executors.local import LocalExecutor

    with workspace_at(workspace, create=False) as ws:
        found = LocalExecutor().stop(ws, run)
    tell(Screen(as_json), found)
