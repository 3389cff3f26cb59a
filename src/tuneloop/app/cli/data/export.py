"""`tuneloop data export`: a version as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import DataArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

WRITTEN = Words(
    "{records} records of {version} are in {file} (layout {layout}).",
    "已将 {version} 的 {records} 条记录写入 {file}（{layout} 格式）。",
)


def command(
    to: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The file; its ending says the format, as .jsonl or .parquet.", show_default=False
        ),
    ],
    name: DataArgument = "newest",
    layout: Annotated[str, typer.Option(help="openai, sharegpt, alpaca or columns.")] = "openai",
    split: Annotated[
        str | None, typer.Option(help="train, validation or test. Without it: all.", show_default=False)
    ] = None,
    beside: Annotated[
        str, typer.Option(metavar="NAMES", help="Also id, split, weight, tags; with commas.", show_default=False)
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a version's records as a file for other programs.

    \b
    Examples:
      tuneloop data export --to data.jsonl
      tuneloop data export data-2 --to train.jsonl --split train --beside id,tags
    """
    from tuneloop.errors import UsageError, nearest
    from tuneloop.prepare.exporting import export
    from tuneloop.records import SPLITS
    from tuneloop.store import datasets

    screen = Screen(as_json)
    if split is not None and split not in SPLITS:
        raise UsageError(
            f"found the split {split!r}", expected=" or ".join(SPLITS), do=nearest(split, SPLITS).capitalize()
        )
    with workspace_at(workspace, create=False) as ws:
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
