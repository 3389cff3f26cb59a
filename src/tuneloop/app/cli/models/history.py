"""`tuneloop models history`: who decided what about a version."""

from __future__ import annotations

from tuneloop.app.cli.models.states import STATES
from tuneloop.app.cli.options import JsonOption, ModelArgument, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, moment
from tuneloop.wording import Words

NONE = Words("Nobody has decided about {model}: it is a candidate.", "{model} 还没有审批记录，仍为候选。")
HEAD = [
    Words("number", "编号"),
    Words("state", "状态"),
    Words("by", "操作人"),
    Words("when", "时间"),
    Words("note", "备注"),
]


def command(model: ModelArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show who decided what about a version.

    \b
    Examples:
      tuneloop models history model-3
    """
    from tuneloop.serve import approvals
    from tuneloop.store import models

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        name = models.model(ws, model).name
        found = approvals.history(ws, name)
    if not found:
        screen.say(NONE.format(model=name))
    else:
        rows: list[list[object]] = [
            [one.number, STATES[one.state], one.person, moment(one.created), one.note] for one in found
        ]
        screen.table(rows, list(HEAD))
    screen.result(found)
