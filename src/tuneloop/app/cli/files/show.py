"""`tuneloop files show`: one file, and what checking it found."""

from __future__ import annotations

from tuneloop.app.cli.files.checked import tell
from tuneloop.app.cli.options import FileArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def command(identity: FileArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one file, and what checking it found.

    \b
    Examples:
      tuneloop files show file-4fMa8
    """
    from tuneloop.jobs.shaping import shaped_file
    from tuneloop.store import files

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        found = files.file(ws, identity)
    tell(screen, found)
    screen.result(shaped_file(found))
