"""Stopping a job, or letting it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tuneloop.app.cli.jobs.start import start
from tuneloop.app.cli.jobs.told import tell
from tuneloop.app.cli.options import JobArgument, JsonOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen


def change(what: Literal["cancel", "pause", "resume"], about: str) -> Callable[..., None]:
    """The command that does it; `about` is its help."""

    def command(identity: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
        from tuneloop.jobs import stopping
        from tuneloop.jobs.shaping import shaped
        from tuneloop.store import jobs

        do = {"cancel": stopping.cancel, "pause": stopping.pause, "resume": stopping.resume}[what]
        screen = Screen(as_json)
        with workspace_at(workspace, create=False) as ws:
            job = do(ws, jobs.job(ws, identity).id)
            if what == "resume":
                start(ws, job)
        tell(screen, job)
        screen.result(shaped(job))

    command.__doc__ = about
    return command
