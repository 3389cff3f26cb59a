"""`tuneloop quality result`: what a review says of the data."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.quality.found import ReviewArgument, show_result
from tuneloop.app.cli.screen import Screen


def command(
    name: ReviewArgument = "newest",
    half: Annotated[float, typer.Option(help="Half the interval's width wanted.")] = 0.05,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a review found: rates, intervals, agreement.

    \b
    Examples:
      tuneloop quality result review-1
    """
    from tuneloop.prepare.review_result import result
    from tuneloop.store.reviews import review

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found = result(ws, review(ws, name), half=half)
    show_result(screen, found)
    screen.result(found)
