"""`tuneloop aliases set`: an alias answers with one version."""

from __future__ import annotations

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
    note: NoteOption = "",
    override: OverrideOption = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Point an alias to a version.

    \b
    Examples:
      tuneloop aliases set support model-3
    """
    from tuneloop.access.audit import at_the_machine
    from tuneloop.serve import aliases
    from tuneloop.serve.aliases import Target

    who = person or at_the_machine().name
    with workspace_at(workspace, create=False) as ws:
        made = aliases.point(ws, alias, [Target(model)], person=who, note=note, override=override)
    show_change(Screen(as_json), made)
