"""`tuneloop models list`: the model versions, newest first."""

from __future__ import annotations

from tuneloop.app.cli.models.states import STATES
from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, moment, plain
from tuneloop.wording import Words

NONE = Words("No model yet. Make one with: tuneloop train", "还没有模型。训练一个：tuneloop train")
HEAD = [
    Words("name", "名称"), Words("made", "创建时间"), Words("base", "基座"), Words("data", "数据"),
    Words("method", "方法"), Words("run", "运行"), Words("state", "状态"), Words("aliases", "别名"),
]  # fmt: skip


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the model versions, newest first.

    \b
    Examples:
      tuneloop models
    """
    from tuneloop.serve import aliases, approvals
    from tuneloop.store import models

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        versions = models.models(ws)[::-1]
        held = aliases.deployed(ws)
        with ws.db.read() as connection:
            states = approvals.states(connection)
    if not versions:
        screen.say(NONE)
    else:
        rows: list[list[object]] = [
            [
                one.name,
                moment(one.created),
                one.base,
                one.dataset or "",
                f"{one.objective}, {one.tuner}",
                one.run or "",
                STATES[states.get(one.name, "candidate")],
                ", ".join(held.get(one.name, [])),
            ]
            for one in versions
        ]
        screen.table(rows, list(HEAD))
    screen.result([
        plain(one) | {"state": states.get(one.name, "candidate"), "aliases": held.get(one.name, [])}
        for one in versions
    ])  # fmt: skip
