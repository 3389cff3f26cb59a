"""`tuneloop data merge`: several versions as one."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

MERGED = Words(
    "{name}: {records} records of {names}; {again} stood in several, {bridges} were left out, as they are close to two "
    "splits.",
    "{name}：由 {names} 合并，共 {records} 条记录；{again} 条重复出现，{bridges} 条因同时接近两个划分而未收入。",
)


def command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Dataset versions; the first keeps its splits.", show_default=False),
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge versions into one; the first keeps its splits.

    \b
    Examples:
      tuneloop data merge data-1 data-3
    """
    from tuneloop.prepare.merging import merge
    from tuneloop.runs import queue

    screen = Screen(as_json)
    with (
        workspace_at(workspace, create=False) as ws,
        screen.progress() as watch,
        queue.here(ws, "merge", {"versions": names}) as lease,
    ):
        made = merge(ws, names, lease=lease, progress=watch)
    words = MERGED.format(
        name=made.name,
        records=f"{made.records:,}",
        names=", ".join(names),
        again=made.report.get("already_there", 0),
        bridges=made.report.get("bridges", 0),
    )
    screen.say(words)
    screen.result(made)
