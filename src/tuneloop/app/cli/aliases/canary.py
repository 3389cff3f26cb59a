"""`tuneloop aliases canary`: a part of the traffic for another version."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.aliases.shown import AliasArgument, OverrideOption, show_change
from tuneloop.app.cli.options import (
    JsonOption,
    ModelArgument,
    NoteOption,
    PersonOption,
    WorkspaceOption,
    workspace_at,
)
from tuneloop.app.cli.screen import Screen


def command(
    alias: AliasArgument,
    model: ModelArgument,
    share: Annotated[float, typer.Option(metavar="0..1", help="Its share of the traffic.")] = 0.1,
    note: NoteOption = "",
    override: OverrideOption = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a version a share of an alias's traffic.

    \b
    Examples:
      tuneloop aliases canary support model-5 --share 0.1
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.serve import aliases

    who = person or at_the_machine().name
    with workspace_at(workspace, create=False) as ws:
        made = aliases.canary(ws, alias, model, share, person=who, note=note, override=override)
    show_change(Screen(as_json), made)
