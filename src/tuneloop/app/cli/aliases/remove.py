"""`tuneloop aliases remove`: an alias that answers nothing any more."""

from __future__ import annotations

from tuneloop.app.cli.aliases.shown import AliasArgument, show_change
from tuneloop.app.cli.options import JsonOption, NoteOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(
    alias: AliasArgument,
    note: NoteOption = "",
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an alias away; its history stays.

    \b
    Examples:
      tuneloop aliases remove support
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.serve import aliases

    with workspace_at(workspace, create=False) as ws:
        aliases.current(ws, alias)
        made = aliases.point(ws, alias, [], person=person or at_the_machine().name, note=note)
    show_change(Screen(as_json), made)
