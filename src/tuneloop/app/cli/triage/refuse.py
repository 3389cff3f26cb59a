"""`tuneloop triage refuse`: refuse rows, with a reason."""

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
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is needed.", show_default=False)] = "",
    state: StateOption = None,
    tag: TagOption = None,
    thumb: ThumbOption = None,
    language: LanguageOption = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse rows, with a reason.

    \b
    Examples:
      tuneloop triage refuse --thumb down --reason "wrong answers"
    """
    rows = chosen(numbers, state, tag, thumb, language)
    decide(workspace, as_json, rows, "refused", person, reason)
