"""`tuneloop models retire`: retire a version: it may take no alias."""

from __future__ import annotations

from tuneloop.app.cli.models.decide import decide
from tuneloop.app.cli.options import JsonOption, ModelArgument, NoteOption, PersonOption, WorkspaceOption


def command(
    model: ModelArgument,
    note: NoteOption = "",
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Retire a version: it may take no alias.

    \b
    Examples:
      tuneloop models retire model-2
    """
    decide(workspace, as_json, model, "retired", person, note)
