"""`tuneloop quality list`: the ready-made standards, and those that were set."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, moment
from tuneloop.wording import Words

READY = (Words("name", "名称"), Words("for", "用途"), Words("dimensions", "维度"))


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the ready-made standards, and those that were set.

    \b
    Examples:
      tuneloop quality list
    """
    from tuneloop.scores.standard import shipped
    from tuneloop.store.standards import standards

    screen = Screen(as_json)
    with workspace_at(workspace) as ws:
        kept = standards(ws)
    rows: list[list[object]] = [
        [name, one.help.words if one.help else one.title.words, ", ".join(one.dimensions)]
        for name, one in shipped().items()
    ]
    screen.table(rows, list(READY))
    for one in kept:
        screen.say(f"{one.name}  {one.scenario}  {moment(one.created)}  {one.person}  {one.note}")
    screen.result({"ready": dict(shipped()), "kept": kept})
