"""Taking rows, refusing them, or letting them wait again."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.app.cli.triage.choice import (
    LanguageOption,
    NumbersArgument,
    StateOption,
    TagOption,
    ThumbOption,
    chosen,
)
from tuneloop.app.cli.triage.states import STATES, counted
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.store.triage import Decided

MOVED = Words("{count} rows moved to {state}. {counts}", "{count} 行改为“{state}”。{counts}")
MAKE = Words(
    "Make a version of what was taken: tuneloop prepare triage:", "用已选用的数据生成版本：tuneloop prepare triage:"
)


def decision(to: Decided, about: str) -> Callable[..., None]:
    """The command that brings rows into a state; `about` is its help."""

    def command(
        numbers: NumbersArgument = None,
        state: StateOption = None,
        tag: TagOption = None,
        thumb: ThumbOption = None,
        language: LanguageOption = None,
        reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; refuse needs one.", show_default=False)] = "",
        person: PersonOption = None,
        workspace: WorkspaceOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from tuneloop.store import triage
        from tuneloop.store.triage import Chosen

        screen, rows = Screen(as_json), chosen(numbers, state, tag, thumb, language)
        if rows == Chosen():
            raise UsageError(
                "found neither numbers nor a filter", expected="numbers, or --state, --tag, --thumb, --language"
            )
        with workspace_at(workspace, create=False) as ws:
            moved = triage.decide(ws, rows, to, person=person or getpass.getuser(), reason=reason)
            counts = triage.counts(ws)
        screen.say(MOVED.format(count=moved, state=STATES[to], counts=counted(counts)))
        if to == "taken":
            screen.say(MAKE)
        screen.result({"moved": moved, "counts": counts})

    command.__doc__ = about
    return command
