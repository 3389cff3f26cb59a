"""`tuneloop data duplicates`: the clusters of repeats, what stayed of each, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import DataArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.saying import said
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

NONE = Words("No repeats were merged in {name}.", "{name} 中没有合并过重复记录。")
NONE_SUCH = Words(
    "No repeats were merged in {name} for the reason {reason}.", "{name} 中没有因 {reason} 合并的重复记录。"
)
CLUSTER = Words("{size} items, {split}: {text}", "{size} 个条目，{split}：{text}")
KEPT = Words("kept: {places}", "保留：{places}")
MORE = Words("and {count} more", "另有 {count} 个")
SHOWN = 10


def command(
    name: DataArgument = "newest",
    reason: Annotated[
        str | None,
        typer.Option(help="Only clusters that hold a repeat merged for this reason.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many clusters are shown.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show repeats by cluster: what stayed, and what merged into it.

    \b
    Examples:
      tuneloop data duplicates data-2 --limit 5
      tuneloop data duplicates --reason near_duplicate
    """
    from tuneloop.prepare.duplicates import clusters
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        found = clusters(ws, version, reason=reason, limit=limit)
    if not found:
        screen.say(
            NONE.format(name=version.name) if reason is None else NONE_SUCH.format(name=version.name, reason=reason)
        )
    for one in found:
        screen.say(CLUSTER.format(size=f"{one.size:,}", split=one.split, text=said(one.payload)))
        if one.kept:
            screen.say(f"  = {KEPT.format(places='; '.join(one.kept[:3]))}")
        for repeat in one.repeats[:SHOWN]:
            text = " ".join(repeat.excerpt.split())[:120]
            screen.say(f"  ~ {repeat.similarity:.2f} {repeat.source}, {repeat.locator}: {text} ({repeat.words})")
        if one.size - 1 > SHOWN:
            screen.say(f"  {MORE.format(count=one.size - 1 - SHOWN)}")
    screen.result(found)
