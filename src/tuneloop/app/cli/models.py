"""`tuneloop models`: the model versions of a workspace."""

from __future__ import annotations

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at


def models(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the model versions, newest first.

    \b
    Examples:
      tuneloop models
      tuneloop show model-1
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import models as store

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        versions = store.models(ws)[::-1]
    if not versions:
        screen.say("No model yet. Make one with: tuneloop train")
    else:
        rows: list[list[object]] = [
            [one.name, one.created, one.base, one.dataset or "", f"{one.objective}, {one.tuner}", one.run or ""]
            for one in versions
        ]
        screen.table(rows, ["name", "made", "base", "data", "method", "run"])
    screen.result(versions)
