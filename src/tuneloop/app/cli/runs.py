"""`tuneloop runs`: what was done and what is being done in a workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from tuneloop.app.cli.options import JsonOption, WorkspaceOption, workspace_at


def runs(
    cancel: Annotated[
        str | None, typer.Option("--cancel", metavar="RUN", help="End a run for good.", show_default=False)
    ] = None,
    pause: Annotated[
        str | None, typer.Option("--pause", metavar="RUN", help="Keep a checkpoint and stop.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs, newest first; cancel or pause one.

    \b
    Examples:
      tuneloop runs
      tuneloop runs --cancel run-4
      tuneloop show run-4
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.runs import queue
    from tuneloop.runs.executors.local import LocalExecutor

    screen = Screen(as_json)
    with workspace_at(workspace, create=False) as ws:
        if cancel:
            LocalExecutor().stop(ws, cancel)
        if pause:
            queue.pause(ws, pause)
        found = list(queue.list(ws))
    if not found:
        screen.say("No run yet. Start one with: tuneloop train")
    else:
        rows: list[list[object]] = [
            [
                one.id,
                one.kind,
                "interrupted" if one.interrupted else one.state,
                one.created,
                one.finished or "",
                _said(one.error),
            ]
            for one in found
        ]
        screen.table(rows, ["run", "kind", "state", "made", "ended", "error"])
    screen.result(found)


def _said(error: object) -> str:
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    return message if len(message) < 60 else message[:57] + "..."
