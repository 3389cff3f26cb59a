"""`tuneloop quality read`: the verdicts of a filled-in file."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.quality.found import READ, show_result
from tuneloop.app.cli.screen import Screen


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A filled-in file, as review.csv.", show_default=False)],
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in the verdicts of a filled-in file.

    \b
    Examples:
      tuneloop quality read review.csv --person Mei
    """
    from tuneloop.prepare.review_file import read_review
    from tuneloop.prepare.review_result import result

    screen, who = Screen(as_json), person or getpass.getuser()
    with workspace_at(workspace, create=False) as ws:
        review, count = read_review(ws, file, person=who)
        found = result(ws, review)
    screen.say(READ.format(count=count, person=who, review=review.name))
    show_result(screen, found)
    screen.result(found)
