"""A person's decision about a model version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tuneloop.app.cli.models.states import STATES
from tuneloop.app.cli.options import (
    JsonOption,
    ModelArgument,
    NoteOption,
    PersonOption,
    WorkspaceOption,
    workspace_at,
)
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.serve.approvals import State

DECIDED = Words("{model} is {state}, by {person}.", "{model} 现为“{state}”，操作人：{person}。")
NEXT = Words("Next: tuneloop aliases set ALIAS {model}", "下一步：tuneloop aliases set 别名 {model}")


def decision(state: State, about: str) -> Callable[..., None]:
    """The command that brings a version into a state; `about` is its help."""

    def command(
        model: ModelArgument,
        note: NoteOption = "",
        person: PersonOption = None,
        workspace: WorkspaceOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from tuneloop.access.audit import at_the_machine
        from tuneloop.serve import approvals

        screen = Screen(as_json)
        with workspace_at(workspace, create=False) as ws:
            made = approvals.decide(ws, model, state, person=person or at_the_machine().name, note=note)
        screen.say(DECIDED.format(model=made.model, state=STATES[made.state], person=made.person))
        if state == "approved":
            screen.say(NEXT.format(model=made.model))
        screen.result(made)

    command.__doc__ = about
    return command
