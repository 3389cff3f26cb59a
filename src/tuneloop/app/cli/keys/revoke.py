"""`tuneloop keys revoke`: a key that opens nothing any more."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

REVOKED = Words("{id} is revoked.", "{id} 已吊销。")


def command(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key, as key-3.", show_default=False)],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key at once.

    \b
    Examples:
      tuneloop keys revoke key-3
    """
    from tuneloop.access import keys
    from tuneloop.access.audit import at_the_machine

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        made = keys.revoke(ws, at_the_machine(), key)
    screen.result(made, REVOKED.format(id=key))
