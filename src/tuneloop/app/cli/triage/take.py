"""`tuneloop triage take`: take rows for the next version."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, PersonOption, WorkspaceOption
from tuneloop.app.cli.triage.choice import (
    LanguageOption,
    NumbersArgument,
    StateOption,
    TagOption,
    ThumbOption,
    chosen,
)
from tuneloop.app.cli.triage.decide import decide


def command(
    numbers: NumbersArgument = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays with the rows.", show_default=False)] = "",
    state: StateOption = None,
    tag: TagOption = None,
    thumb: ThumbOption = None,
    language: LanguageOption = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take rows for the next version.

    \b
    Examples:
      tuneloop triage take 3 5-9
      tuneloop prepare triage:
    """
    rows = chosen(numbers, state, tag, thumb, language)
    decide(workspace, as_json, rows, "taken", person, reason)
