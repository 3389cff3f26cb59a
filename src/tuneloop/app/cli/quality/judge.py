"""`tuneloop quality judge`: a model's verdicts beside those of people."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.quality.found import READ, ReviewArgument, show_result
from tuneloop.app.cli.screen import Screen


def command(
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model that judges.", show_default=False)],
    name: ReviewArgument = "newest",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a model judge a sample, beside the people.

    \b
    Examples:
      tuneloop quality judge review-1 --model starter
    """
    from tuneloop.prepare.review_judging import judge_review
    from tuneloop.prepare.review_result import result
    from tuneloop.runs import queue
    from tuneloop.store.reviews import review

    screen = Screen(as_json)
    judge = {"name": "local", "model": model}
    with workspace_at(workspace, create=False) as ws:
        one = review(ws, name)
        with screen.progress() as watch, queue.here(ws, "judge", {"review": one.name, "judge": judge}) as lease:
            count = judge_review(ws, one, judge, lease=lease, progress=watch)
            lease.finish({"review": one.name, "verdicts": count})
        found = result(ws, one)
    screen.say(READ.format(count=count, person=model, review=one.name))
    show_result(screen, found)
    screen.result(found)
