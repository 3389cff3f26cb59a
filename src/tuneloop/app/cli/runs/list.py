"""`tuneloop runs list`: the runs, newest first."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.runs.told import kind_of, progress_of, state_of, took
from tuneloop.app.cli.screen import Screen, moment
from tuneloop.wording import Words

NONE = Words("No run yet. Start one with: tuneloop train", "还没有运行记录。开始训练：tuneloop train")
HEAD = [
    Words("run", "运行"), Words("kind", "类型"), Words("state", "状态"), Words("made", "创建时间"),
    Words("took", "用时"), Words("progress, error", "进度、错误"),
]  # fmt: skip
LONGEST = 60


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the runs, newest first.

    \b
    Examples:
      tuneloop runs
    """
    from tuneloop.runs import queue

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found = list(queue.list(ws))
    if not found:
        screen.say(NONE)
    else:
        rows: list[list[object]] = [
            [
                one.id,
                kind_of(one),
                state_of(one),
                moment(one.created),
                took(one),
                _said(one.error) or progress_of(one),
            ]
            for one in found
        ]
        screen.table(rows, [*HEAD])
    screen.result(found)


def _said(error: object) -> str:
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    return message if len(message) < LONGEST else message[: LONGEST - 3] + "..."
