"""`tuneloop triage list`: the rows that wait, and those that were decided about."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.saying import said
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
from tuneloop.wording import Words

LONGEST = 60
HEAD = (
    Words("number", "编号"), Words("state", "状态"), Words("language", "语言"), Words("thumb", "评价"),
    Words("tags", "标签"), Words("question → answer", "提问 → 回答"), Words("reason", "原因"), Words("by", "决定人"),
)  # fmt: skip
EMPTY = Words(
    "No such row. Push a log with: tuneloop triage push FILE", "没有符合条件的数据。推送日志：tuneloop triage push 文件"
)


def command(
    numbers: NumbersArgument = None,
    state: StateOption = None,
    tag: TagOption = None,
    thumb: ThumbOption = None,
    language: LanguageOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows are shown.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rows from production, by number.

    \b
    Examples:
      tuneloop triage list --state waiting --language zh
    """
    from tuneloop.store import triage

    screen, wanted = Screen(as_json), chosen(numbers, state, tag, thumb, language)
    with workspace_at(workspace, create=False) as ws:
        if wanted.numbers:
            found = [one for one in triage.every(ws, wanted) if one.number in set(wanted.numbers)]
        else:
            found = triage.rows(ws, wanted, limit=limit)
        counts = triage.counts(ws)
    if not found:
        screen.say(EMPTY)
    else:
        rows: list[list[object]] = [
            [
                one.number, STATES[one.state], one.language, one.thumb or "", ", ".join(one.tags),
                said(dict(one.payload))[:LONGEST] if one.payload else "", one.reason[:LONGEST], one.person,
            ]
            for one in found
        ]  # fmt: skip
        screen.table(rows, list(HEAD))
        screen.say(counted(counts))
    screen.result({"rows": found, "counts": counts})
