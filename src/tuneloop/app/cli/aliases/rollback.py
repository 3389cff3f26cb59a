"""`tuneloop aliases rollback`: back to what an alias answered with before."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.aliases.shown import AliasArgument, OverrideOption, show_change
from tuneloop.app.cli.options import JsonOption, NoteOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(
    alias: AliasArgument,
    to: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="The change to take again. Without it: the one before.", show_default=False
        ),
    ] = None,
    note: NoteOption = "",
    override: OverrideOption = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to what an alias answered with before.

    \b
    Examples:
      tuneloop aliases rollback support --note "too many complaints"
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.serve import aliases

    who = person or at_the_machine().name
    with workspace_at(workspace, create=False) as ws:
        made = aliases.roll_back(ws, alias, person=who, to=to, note=note, override=override)
    show_change(Screen(as_json), made)
