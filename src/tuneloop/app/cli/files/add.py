"""`tuneloop files add`: a file of this machine, kept and checked as an upload would be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneloop.app.cli.files.checked import tell
from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.store import Workspace
    from tuneloop.store.files import File

NEXT = Words("Next: tuneloop jobs create {id}", "下一步：tuneloop jobs create {id}")


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of this machine.", show_default=False)],
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help="fine-tune, evals, batch or user_data.")] = (
        "fine-tune"
    ),
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a file, checked as a whole, with the fix for each line.

    \b
    Examples:
      tuneloop files add family.jsonl
    """
    from tuneloop.jobs.shaping import shaped_file

    screen = Screen(as_json)
    with workspace_at(workspace) as ws:
        made = add_file(ws, file, purpose)
    tell(screen, made)
    if purpose == "fine-tune":
        screen.say(NEXT.format(id=made.id))
    screen.result(shaped_file(made))


def add_file(ws: Workspace, file: Path, purpose: str = "fine-tune") -> File:
    """Keep a file of this machine as an upload would be."""
    from tuneloop.jobs import uploads
    from tuneloop.prepare.source_file import disk_file

    source = disk_file(file, str(file))
    part = ws.blobs.new_part()
    try:
        with source.open() as found:
            uploads.copy(found, part)
        return uploads.keep(ws, part, filename=file.name, purpose=purpose)
    finally:
        part.unlink(missing_ok=True)
