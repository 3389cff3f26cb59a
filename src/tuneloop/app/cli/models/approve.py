"""`tuneloop models approve`: approve a version: it may take an alias."""

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
    """Approve a version: it may take an alias.

    \b
    Examples:
      tuneloop models approve model-3 --note "82 % preferred in a blind test"
    """
    decide(workspace, as_json, model, "approved", person, note)
