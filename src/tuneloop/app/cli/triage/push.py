"""`tuneloop triage push`: logs through the gate."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, PersonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.app.cli.triage.states import counted
from tuneloop.wording import Words

PUSHED = Words(
    "{name}: {items} rows; {counts}. {again} had been pushed before.",
    "{name}：{items} 行；{counts}。其中 {again} 行此前已推送过。",
)
NEXT = Words(
    "Look at what waits: tuneloop triage list --state waiting", "查看待审数据：tuneloop triage list --state waiting"
)


def command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Logs: JSONL, JSON or CSV.", show_default=False)
    ],
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag for all rows. May be repeated.", show_default=False)
    ] = None,
    person: PersonOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let logs in: redacted, compared with what is known.

    \b
    Examples:
      tuneloop triage push chats.jsonl --tag refunds
    """
    from tuneloop.prepare.gate import gate_file

    screen, who = Screen(as_json), person or getpass.getuser()
    made = []
    with workspace_at(workspace) as ws:
        for file in files:
            with screen.progress() as watch:
                found = gate_file(ws, file, person=who, tags=tags or [], progress=watch)
            made.append(found)
            counts = counted(dict(found.counts))
            screen.say(PUSHED.format(name=found.name, items=f"{found.items:,}", counts=counts, again=found.again))
    screen.say(NEXT)
    screen.result(made)
