"""`tuneloop jobs`: fine-tuning jobs, the same that `/v1/fine_tuning/jobs` sees."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuneloop.app.cli.options import JsonOption, SetOption, WorkspaceOption, workspace_at
from tuneloop.errors import ConflictError, StorageError, UsageError, nearest
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.app.cli.screen import Screen
    from tuneloop.store import Workspace
    from tuneloop.store.jobs import Job, JobEvent

ACTIONS = ("list", "create", "show", "follow", "cancel", "pause", "resume")
NONE = Words("No job yet. Start one with: tuneloop jobs create FILE", "还没有任务。创建：tuneloop jobs create 文件")
LINE = Words("{id}: {model}, {status}", "{id}：{model}，{status}")
MADE = Words("Model: {name}", "模型：{name}")
WRONG = Words("Error: {message}", "错误：{message}")
FOLLOW = Words("Follow it with: tuneloop jobs follow {id}", "查看进度：tuneloop jobs follow {id}")
HEAD = [Words("job", "任务"), Words("model", "模型"), Words("status", "状态"), Words("step", "步数"), ""]
INTERRUPTED = "\nStream interrupted (client disconnected).\nTo resume the stream, run:\n\n  tuneloop jobs follow {id}\n"
"""The words of OpenAI's old client, which scripts look for."""

POLL, PATIENCE = 0.5, 2.0
AFTER = ("succeeded", "failed", "cancelled")


def jobs(
    action: Annotated[
        str,
        typer.Argument(metavar="[list|create|show|follow|cancel|pause|resume]", help="What to do.", show_default=False),
    ] = "list",
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[JOB|FILE]", help="A job's id; with create a file, or the id of one.", show_default=False
        ),
    ] = None,
    model: Annotated[str, typer.Option(metavar="MODEL", help="With create: a base, or an ft: model.")] = "starter",
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="With create: a validation file. Without it: a tenth is kept.", show_default=False
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="METHOD", help="With create: supervised, dpo or reinforcement.")
    ] = "supervised",
    suffix: Annotated[
        str | None, typer.Option(metavar="NAME", help="With create: part of the model's name.", show_default=False)
    ] = None,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="With create: train without rows that cannot be used.")
    ] = False,
    assignments: SetOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="With create: do not follow the job.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a file into a model that answers by its name.

    --set reaches every key of the request, as hyperparameters.n_epochs or tuneloop.max_steps.

    \b
    Examples:
      tuneloop jobs create family.jsonl --set-aside --suffix family
      tuneloop jobs create file-4fMa8 --set hyperparameters.n_epochs=3 --detach
      tuneloop jobs follow ftjob-9kQ2v
      tuneloop jobs cancel ftjob-9kQ2v
    """
    from tuneloop.app.cli.screen import Screen
    from tuneloop.jobs import stopping
    from tuneloop.jobs.shaping import shaped
    from tuneloop.store import jobs as rows

    if action not in ACTIONS:
        raise UsageError(f"found {action!r}", expected=", ".join(ACTIONS), do=nearest(action, ACTIONS).capitalize())
    if action != "list" and what is None:
        raise UsageError(f"{action} was given no job", expected=f"tuneloop jobs {action} ID")
    screen = Screen(as_json)
    with workspace_at(workspace, create=action == "create") as ws:
        if action == "list":
            screen.result(_list(screen, ws))
            return
        if action == "create":
            body = request(ws, screen, str(what), model, validation, method, suffix, set_aside, assignments or [])
            job = _begin(ws, body)
        else:
            job = rows.job(ws, str(what))
        if action in ("cancel", "pause", "resume"):
            job = getattr(stopping, action)(ws, job.id)
            if action == "resume":
                _start(ws, job)
        if action == "follow" or (action == "create" and not detach):
            job = follow(screen, ws, job)
        _say(screen, job)
        if action == "create" and detach:
            screen.say(FOLLOW.format(id=job.id))
        screen.result(shaped(job))


def request(
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
    from tuneloop.app.cli.files import add_file, tell

    made = add_file(ws, Path(given))
    tell(screen, made)
    return made.id


def _begin(ws: Workspace, body: dict[str, Any]) -> Job:
    from tuneloop.jobs import creating

    job = creating.create(ws, body, owner="command line", trusted=True)
    _start(ws, job)
    return job


def _start(ws: Workspace, job: Job) -> None:
    """Start the job's process, which waits for its turn; a server's process for the same run gives way."""
    from tuneloop.runs.executors.local import LocalExecutor
    from tuneloop.store import jobs as rows

    found = rows.job(ws, job.id)
    if found.outcome is None and found.state == "queued":
        LocalExecutor().start(ws, job.run)


def follow(screen: Screen, ws: Workspace, job: Job) -> Job:
    """Show the events from the first on until the job has ended; a database that is away is waited for."""
    from tuneloop.jobs import ending
    from tuneloop.store import jobs as rows

    number = 0
    try:
        while True:
            try:
                last, outcome, state = rows.pulse(ws, job.id)
                for event in rows.events_since(ws, job.id, number):
                    number = event.number
                    screen.say(_line(event))
                if outcome is not None and number >= last:
                    return rows.job(ws, job.id)
                if outcome is None and state in AFTER:
                    ending.reconcile(ws, job.id)
                if number >= last:
                    time.sleep(POLL)
            except (StorageError, ConflictError):
                time.sleep(PATIENCE)
    except KeyboardInterrupt:
        import sys

        print(INTERRUPTED.format(id=job.id), file=sys.stderr)
        raise


def _line(event: JobEvent) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.created))
    return f"[{moment}] {event.message}"


def _list(screen: Screen, ws: Workspace) -> list[dict[str, Any]]:
    from tuneloop.jobs.shaping import shaped
    from tuneloop.store import jobs as rows

    found, _ = rows.jobs(ws, limit=1000)
    if not found:
        screen.say(NONE)
    else:
        lines: list[list[object]] = [
            [
                job.id,
                job.fine_tuned_model or job.model,
                job.status,
                f"{max(0, job.told_step)}/{job.total_steps or '-'}",
                (job.error or {}).get("message", ""),
            ]
            for job in found
        ]
        screen.table(lines, [*HEAD])
    return [shaped(job) for job in found]


def _say(screen: Screen, job: Job) -> None:
    screen.say(LINE.format(id=job.id, model=job.model, status=job.status))
    if job.fine_tuned_model:
        screen.say(MADE.format(name=job.fine_tuned_model))
    if job.error:
        screen.say(WRONG.format(message=job.error["message"]))
