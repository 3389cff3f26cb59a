"""`tuneloop data diff`: row by row from one version to another."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.saying import said
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

KINDS = {
    "added": Words("added", "新增"),
    "removed": Words("removed", "移除"),
    "edited": Words("edited", "改动"),
    "moved": Words("moved to another split", "换了划分"),
}


def command(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A dataset version, as data-1.", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another, as data-2.", show_default=False)],
    limit: Annotated[int, typer.Option(min=1, help="How many differences are shown.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions row by row.

    Records are added, removed, edited (one source item, two records) or moved to another split.

    \b
    Examples:
      tuneloop data diff data-1 data-2
    """
    from tuneloop.prepare import differing
    from tuneloop.store import datasets

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        before, after = datasets.version(ws, old), datasets.version(ws, new)
        counts = differing.counts(ws, before, after)
        shown = differing.differences(ws, before, after, limit=limit)
    screen.say("  ".join(f"{KINDS[kind]} {count:,}" for kind, count in counts.items()))
    for one in shown:
        split = "" if one.old_split in (None, one.new_split) else f" {one.old_split} → {one.new_split or '-'}"
        screen.say(f"{KINDS[one.kind]} {one.old or one.new}{split}")
        for mark, payload in (("-", one.old_payload), ("+", one.new_payload)):
            if payload is not None and one.kind != "moved":
                screen.say(f"  {mark} {said(payload)}")
    screen.result({"counts": counts, "differences": shown})
