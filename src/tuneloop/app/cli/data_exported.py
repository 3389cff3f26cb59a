"""`tuneloop data export`: a version as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.errors import UsageError, nearest
from tuneloop.records import SPLITS
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace

WRITTEN = Words(
    "{records} records of {version} are in {file} (layout {layout}).",
    "已将 {version} 的 {records} 条记录写入 {file}（{layout} 格式）。",
)


def export_data(
    ws: Workspace,
    screen: Screen,
    name: str,
    to: Path | None,
    *,
    layout: str = "openai",
    split: str | None = None,
    beside: str = "",
    replace: bool = False,
) -> None:
    """Write a version's records to a file and say so; `beside` is a list with commas."""
    from tuneloop.prepare.exporting import export
    from tuneloop.store import datasets

    if to is None:
        raise UsageError("no file was named", expected="--to FILE, as --to train.jsonl")
    if split is not None and split not in SPLITS:
        raise UsageError(
            f"found the split {split!r}", expected=" or ".join(SPLITS), do=nearest(split, SPLITS).capitalize()
        )
    version = datasets.version(ws, name)
    with screen.progress() as watch:
        told = export(
            ws,
            version,
            to,
            layout=layout,
            split=next((one for one in SPLITS if one == split), None),
            beside=[one.strip() for one in beside.split(",") if one.strip()],
            replace=replace,
            progress=watch,
        )
    screen.say(WRITTEN.format(records=f"{told.records:,}", version=told.version, file=told.file, layout=told.layout))
    screen.result(told)
