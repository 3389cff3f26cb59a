"""Taking rows, refusing them, or letting them wait again."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.app.cli.options import workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.app.cli.triage.states import STATES, counted
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.store.triage import Chosen, Decided

MOVED = Words("{count} rows moved to {state}. {counts}", "{count} 行改为“{state}”。{counts}")
MAKE = Words(
    "Make a version of what was taken: tuneloop prepare triage:", "用已选用的数据生成版本：tuneloop prepare triage:"
)


def decide(workspace: Path | None, as_json: bool, rows: Chosen, to: Decided, person: str | None, reason: str) -> None:
    """Write a decision down and say what is where now."""
    from tuneloop.store import triage
    from tuneloop.store.triage import Chosen

    if rows == Chosen():
        raise UsageError(
            "found neither numbers nor a filter", expected="numbers, or --state, --tag, --thumb, --language"
        )
    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        moved = triage.decide(ws, rows, to, person=person or getpass.getuser(), reason=reason)
        counts = triage.counts(ws)
    screen.say(MOVED.format(count=moved, state=STATES[to], counts=counted(counts)))
    if to == "taken":
        screen.say(MAKE)
    screen.result({"moved": moved, "counts": counts})
