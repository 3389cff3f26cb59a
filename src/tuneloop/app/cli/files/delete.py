"""`tuneloop files delete`: one file, gone."""

from __future__ import annotations

from tuneloop.app.cli.options import FileArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

DELETED = Words("{id} is deleted.", "{id} 已删除。")


def command(identity: FileArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Delete one file.

    \b
    Examples:
      tuneloop files delete file-4fMa8
    """
    from tuneloop.access.audit import at_the_machine, note
    from tuneloop.store import files

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        files.delete_file(ws, identity, lambda connection: note(connection, at_the_machine(), "file.remove", identity))
    screen.say(DELETED.format(id=identity))
    screen.result({"id": identity, "object": "file", "deleted": True})
