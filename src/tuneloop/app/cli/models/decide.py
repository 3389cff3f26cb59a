"""A person's decision about a model version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.app.cli.models.states import STATES
from tuneloop.app.cli.options import workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.serve.approvals import State

DECIDED = Words("{model} is {state}, by {person}.", "{model} 现为“{state}”，操作人：{person}。")
NEXT = Words("Next: tuneloop aliases set ALIAS {model}", "下一步：tuneloop aliases set 别名 {model}")


def decide(workspace: Path | None, as_json: bool, model: str, state: State, person: str | None, note: str) -> None:
    """Write it down and say what may be done next."""
    from tuneloop.access.audit import at_the_machine
    from tuneloop.serve import approvals

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        made = approvals.decide(ws, model, state, person=person or at_the_machine().name, note=note)
    screen.say(DECIDED.format(model=made.model, state=STATES[made.state], person=made.person))
    if state == "approved":
        screen.say(NEXT.format(model=made.model))
    screen.result(made)
