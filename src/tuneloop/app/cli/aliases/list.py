"""`tuneloop aliases list`: each alias as it points."""

from __future__ import annotations

from tuneloop.app.cli.aliases.shown import show_changes
from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the aliases and what they answer with.

    \b
    Examples:
      tuneloop aliases
    """
    from tuneloop.serve import aliases

    with workspace_at(workspace, create=False) as ws:
        found = aliases.everything(ws)
    show_changes(Screen(as_json), found)
