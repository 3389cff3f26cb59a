"""A dataset version as a file to take away: at once, or written by a run (`POST /api/runs`, stage export)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError
from tuneloop.prepare import run_files
from tuneloop.prepare.exporting import export
from tuneloop.prepare.writer import writers
from tuneloop.records.results import Split
from tuneloop.runs import queue
from tuneloop.store import datasets, durable

router = APIRouter(tags=["prepare"])
Beside = Annotated[list[str], Query(max_length=8, default_factory=list)]


@router.get("/versions/{name}/file", response_class=FileResponse)
def version_file(
    request: Request,
    name: str,
    beside: Beside,
    form: str = "jsonl",
    layout: str = "openai",
    split: Split | None = None,
    caller: Caller = needs("data:read"),
) -> FileResponse:
    """The records in a layout (`/api/members/prepare.layouts`) and a format (`/api/members/prepare.writers`).

    `beside` adds id, split, weight or tags. The file is written whole before its first byte is sent, so a record that
    the layout cannot say is a 400 and no torn file.  A large version is better written by a run, which shows how far
    it is and can be cancelled.
    """
    ws = service(request).ws
    version = datasets.version(ws, name)
    writer = writers.create(form, path="form")
    folder = ws.path("temporary")
    durable.sweep(folder)  # what a killed server left
    file = durable.temporary_beside(folder / name)
    export(ws, version, file, layout=layout, format=form, split=split, beside=beside)
    return FileResponse(
        file,
        media_type=writer.media,
        filename=f"{version.name}{f'-{split}' if split else ''}.{form}",
        background=BackgroundTask(file.unlink, missing_ok=True),
    )


@router.get("/runs/{identity}/file", response_class=FileResponse)
def run_file(request: Request, identity: str, caller: Caller = needs("data:read")) -> FileResponse:
    """The file of an export, the page of statistics, or the report of a dry run, from any byte on (`Range`).

    It is kept for seven days, or until its data is forgotten.
    """
    return _made(request, identity, run_files.MAKERS, None)


@router.get("/runs/{identity}/statistics", response_class=FileResponse)
def run_statistics(request: Request, identity: str, caller: Caller = needs("data:read")) -> FileResponse:
    """The figures of statistics that a run made, as JSON."""
    return _made(request, identity, ("statistics",), "statistics.json")


def _made(request: Request, identity: str, kinds: Sequence[str], name: str | None) -> FileResponse:
    ws = service(request).ws
    run = queue.show(ws, identity)
    if run.kind not in kinds or run.state != "succeeded" or not run.result:
        raise NotFoundError(
            f"{run.id} is no run of the kind {' or '.join(kinds)} that has ended well",
            do=f"See what it is: GET /api/runs/{run.id}",
        )
    wanted = name or str(run.result["file"])
    file = run_files.made_by(ws, run.id, wanted)
    if file is None:
        raise _gone(run.id)
    return _Kept(file, run.id, wanted)


def _gone(run: str) -> NotFoundError:
    return NotFoundError(
        f"the file of {run} is gone; it is kept for {run_files.KEPT_DAYS} days, or until its data is forgotten",
        do="Write it again: POST /api/runs",
    )


class _Kept(FileResponse):
    """A file that may go between being found and being sent."""

    def __init__(self, file: Path, run: str, name: str) -> None:
        form = file.suffix.removeprefix(".")
        html = form == "html"
        media = "text/html; charset=utf-8" if html else writers.create(form, path="form").media
        super().__init__(file, media_type=media, filename=name)
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not Path(self.path).is_file():
            raise _gone(self._run)
        await super().__call__(scope, receive, send)
