"""`tuneloop backup`: a workspace in one file, and a workspace from that file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.errors import UsageError
from tuneloop.wording import Words

MADE = Words(
    "{file}: {rows:,} rows and {files:,} files, {size}. The key to originals of personal data is not in it.",
    "{file}：{rows:,} 行数据、{files:,} 个文件，{size}。不含个人信息原文的密钥。",
)
BACK = Words("The workspace is back in {folder}.", "工作区已恢复到 {folder}。")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive.", show_default=False)],
    restore: Annotated[
        bool, typer.Option("--restore", help="Make the workspace of -w from the archive.", show_default=False)
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole workspace into one file, or make one from it.

    A server and runs may go on meanwhile: the rows are those of one moment, with every file that they name. Restoring
    wants a new folder (-w) and checks everything first. TUNELOOP_DATABASE_URL may name an empty PostgreSQL database.

    \b
    Examples:
      tuneloop backup monday.tar
      tuneloop backup monday.tar --restore -w restored
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.models.room import size
    from tuneloop.store.backup import backup as write
    from tuneloop.store.backup import restored

    screen = Screen(as_json)
    if restore:
        if workspace is None:
            raise UsageError("no folder is named", do="Name a new one: tuneloop backup FILE --restore -w FOLDER")
        with restored(file, workspace) as ws:
            screen.result({"workspace": str(ws.folder), "id": ws.id}, BACK.format(folder=ws.folder))
        return
    with workspace_at(workspace, create=False) as ws:
        made = write(ws, file)
    screen.result(made, MADE.format(file=made.file, rows=made.rows, files=made.files, size=size(made.size)))
