"""`tuneloop models reopen`: make a version a candidate again."""

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
    """Make a version a candidate again.

    \b
    Examples:
      tuneloop models reopen model-2
    """
    decide(workspace, as_json, model, "candidate", person, note)
