"""`tuneloop jobs create`: a job from a file, begun and followed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneloop.app.cli.jobs.follow import follow
from tuneloop.app.cli.jobs.start import start
from tuneloop.app.cli.jobs.told import tell
from tuneloop.app.cli.options import JsonOption, SetOption, WorkspaceOption, workspace_at
from tuneloop.app.cli.screen import Screen
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.store import Workspace

FOLLOW = Words("Follow it with: tuneloop jobs follow {id}", "查看进度：tuneloop jobs follow {id}")


def command(
    training: Annotated[
        str, typer.Argument(metavar="FILE", help="A file of this machine, or the id of one.", show_default=False)
    ],
    model: Annotated[str, typer.Option(metavar="MODEL", help="A base, or an ft: model.")] = "starter",
    validation: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A validation file. Without it: a tenth is kept.", show_default=False),
    ] = None,
    method: Annotated[str, typer.Option(metavar="METHOD", help="supervised, dpo or reinforcement.")] = "supervised",
    suffix: Annotated[
        str | None, typer.Option(metavar="NAME", help="Part of the model's name.", show_default=False)
    ] = None,
    set_aside: Annotated[bool, typer.Option("--set-aside", help="Train without rows that cannot be used.")] = False,
    assignments: SetOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow the job.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a job from a file, and follow it.

    --set reaches every key of the request, as hyperparameters.n_epochs or tuneloop.max_steps.

    \b
    Examples:
      tuneloop jobs create family.jsonl --set-aside --suffix family
      tuneloop jobs create file-4fMa8 --set hyperparameters.n_epochs=3 --detach
    """
    from tuneloop.jobs import creating
    from tuneloop.jobs.shaping import shaped

    screen = Screen(as_json)
    with workspace_at(workspace) as ws:
        body = _request(ws, screen, training, model, validation, method, suffix, set_aside, assignments or [])
        job = creating.create(ws, body, owner="command line", trusted=True)
        start(ws, job)
        if not detach:
            job = follow(screen, ws, job)
        tell(screen, job)
        if detach:
            screen.say(FOLLOW.format(id=job.id))
        screen.result(shaped(job))


def _request(
    ws: Workspace,
    screen: Screen,
    training: str,
    model: str,
    validation: str | None,
    method: str,
    suffix: str | None,
    set_aside: bool,
    assignments: list[str],
) -> dict[str, Any]:
    """The body of a request as the API takes it; files of this machine are added first."""
    from tuneloop.config import assign

    body: dict[str, Any] = {"model": model, "training_file": _file(ws, screen, training)}
    if validation is not None:
        body["validation_file"] = _file(ws, screen, validation)
    if suffix is not None:
        body["suffix"] = suffix
    if set_aside:
        body["tuneloop"] = {"on_bad_rows": "set_aside"}
    if method != "supervised":
        body["method"] = {"type": method}
    for assignment in assignments:
        assign(body, assignment)
    return body


def _file(ws: Workspace, screen: Screen, given: str) -> str:
    if given.startswith("file-") and not Path(given).exists():
        return given
    from tuneloop.app.cli.files.add import add_file
    from tuneloop.app.cli.files.checked import tell as tell_file

    made = add_file(ws, Path(given))
    tell_file(screen, made)
    return made.id
