"""`tuneloop aliases history`: all changes of one alias."""

from __future__ import annotations

from tuneloop.app.cli.aliases.shown import AliasArgument, show_changes
from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(alias: AliasArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show all changes of one alias.

    \b
    Examples:
      tuneloop aliases history support
    """
    from tuneloop.serve import aliases

    with workspace_at(workspace, create=False) as ws:
        # an unknown alias is told by its name
        found = aliases.history(ws, alias) or [aliases.current(ws, alias)]
    show_changes(Screen(as_json), found)
