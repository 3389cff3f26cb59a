"""`tuneloop files list`: the files, newest first."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

NONE = Words("No file yet. Add one with: tuneloop files add FILE", "还没有文件。添加：tuneloop files add 文件")
HEAD = [Words("file", "文件"), Words("name", "名称"), Words("purpose", "用途"), Words("bytes", "字节"), ""]


def command(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the files, newest first.

    \b
    Examples:
      tuneloop files
    """
    from tuneloop.jobs.shaping import shaped_file
    from tuneloop.store import files

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found, _ = files.files(ws)
    if not found:
        screen.say(NONE)
    else:
        lines: list[list[object]] = [
            [one.id, one.filename, one.purpose, f"{one.bytes:,}", one.details or ""] for one in found
        ]
        screen.table(lines, [*HEAD])
    screen.result([shaped_file(one) for one in found])
