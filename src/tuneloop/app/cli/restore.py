"""`tuneloop restore`: what was left out of a dataset version, and taking it back."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.records import DatasetVersion, Fate
    from tuneloop.store import Workspace
    from tuneloop.store.restores import Restore

HEAD = (
    Words("item", "条目"), Words("outcome", "结果"), Words("reason", "原因"), Words("where", "位置"),
    Words("text", "内容"),
)  # fmt: skip
EXCERPT, MESSAGE = 80, 240
"""Characters shown of what an item says, and of what was found about it."""
NOTHING = Words("Nothing was left out of {data}.", "{data} 没有遗漏任何条目。")
MORE = Words("There are more; --limit shows more of them.", "还有更多条目，可用 --limit 显示。")
RESTORED = Words(
    "{count} items come back the next time their files are prepared: tuneloop prepare …",
    "{count} 个条目将在下次准备这些文件时恢复：tuneloop prepare …",
)


def restore(
    name: Annotated[
        str, typer.Argument(metavar="DATA", help="A dataset version, as data-3.", show_default=False)
    ] = "newest",
    items: Annotated[
        list[str] | None,
        typer.Option("--item", metavar="ITEM", help="An item to take back, as the list names it.", show_default=False),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Only items that were left out for this reason.", show_default=False)
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --reason: take all of them back.", show_default=False)
    ] = False,
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many the list shows.")] = 50,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was left out of the data, or take it back.

    Without --item or --all: the list of merged, dropped and rejected items. Taking one back is a decision that is
    kept; the next tuneloop prepare of the same file applies it.

    \b
    Examples:
      tuneloop restore
      tuneloop restore data-2 --item source-1:14 --note "short answers are fine here"
      tuneloop restore --reason too_short --all
    """
    from tuneloop.app.cli.preparation import OUTCOMES
    from tuneloop.app.cli.screen import Screen
    from tuneloop.prepare import versions
    from tuneloop.store import datasets

    screen = Screen(as_json)
    if every and not reason:
        raise UsageError("--all needs a reason", do="Say which: tuneloop restore --reason too_short --all")
    with workspace_at(workspace, create=False) as ws:
        version = datasets.version(ws, name)
        left_out = (fate for fate in versions.fates(ws, version, reason=reason) if fate.outcome != "kept")
        if items or every:
            chosen = [_named(item) for item in items or ()] + [(one.source, one.item) for one in left_out if every]
            decisions = [_restore(ws, version, source, item, note) for source, item in chosen]
            screen.result(decisions, RESTORED.format(count=len(decisions)))
            return
        shown = list(islice(left_out, limit + 1))
    names = {one.record: _name(one) for one in shown if one.record}
    rows: list[list[object]] = [
        [_name(one), OUTCOMES[one.outcome], one.reason, one.locator, _told(one, names)] for one in shown[:limit]
    ]
    if rows:
        screen.table(rows, list(HEAD))
    screen.result(
        shown[:limit], NOTHING.format(data=version.name) if not rows else MORE if len(shown) > limit else None
    )


def _restore(ws: Workspace, version: DatasetVersion, source: str, item: int, note: str) -> Restore:
    from tuneloop.prepare import versions

    return versions.restore(ws, version, source, item, person=getpass.getuser(), note=note)


def _name(fate: Fate) -> str:
    return f"{fate.source}:{fate.item}"


def _named(item: str) -> tuple[str, int]:
    source, colon, number = item.rpartition(":")
    if not colon or not number.isdigit():
        raise UsageError(f"found --item {item!r}", expected="an item as the list names it, such as source-1:14")
    return source, int(number)


def _told(fate: Fate, names: Mapping[str, str]) -> str:
    """What the item says, and what was found about it; records that are listed as items go by the item's name."""
    from tuneloop.app.cli.preparation import named

    said, found = _short(fate.excerpt), _short(named(fate.message, names), MESSAGE)
    return "\n".join(line for line in (said, found) if line)


def _short(text: str, most: int = EXCERPT) -> str:
    line = " / ".join(part for part in (" ".join(piece.split()) for piece in text.splitlines()) if part)
    return line if len(line) <= most else line[: most - 1] + "…"
