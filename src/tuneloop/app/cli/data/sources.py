"""`tuneloop data sources`: where the data came from, newest first."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen, moment
from tuneloop.wording import Words

HEAD = (
    Words("source", "来源"), Words("name", "名称"), Words("kind", "类型"), Words("grade", "等级"),
    Words("licence", "许可证"), Words("consent", "同意情况"), Words("added", "加入时间"),
)  # fmt: skip


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List where the data came from: kind, grade, licence, consent.

    \b
    Examples:
      tuneloop data sources
    """
    from tuneloop.store.sources import sources

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found = sources(ws)[::-1]
    rows: list[list[object]] = [
        [one.id, one.name, one.kind, one.grade or "", one.licence or "", one.consent or "", moment(one.created)]
        for one in found
    ]
    screen.table(rows, list(HEAD))
    screen.result(found)
