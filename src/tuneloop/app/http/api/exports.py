"""A dataset version as a file to take away: at once, or written by a run (`POST /api/runs`, stage export)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError
from tuneloop.prepare.exporting import KEPT_DAYS, MAKERS, export, exported_by
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
def exported_file(request: Request, identity: str, caller: Caller = needs("data:read")) -> FileResponse:
    """The file of an export, or the page of statistics, from any byte on (`Range`).

    It is kept for seven days, or until its data is forgotten.
    """
    ws = service(request).ws
    run = queue.show(ws, identity)
    if run.kind not in MAKERS or run.state != "succeeded":
        raise NotFoundError(f"{run.id} is no export that has ended", do=f"See what it is: GET /api/runs/{run.id}")
    file = exported_by(ws, run.id)
    if file is None:
        raise NotFoundError(
            f"the file of {run.id} is there no more; it is kept for {KEPT_DAYS} days, or until its data is forgotten",
            do="Write it again: POST /api/runs",
        )
    form = file.suffix.removeprefix(".")
    media = "text/html; charset=utf-8" if form == "html" else writers.create(form, path="form").media
    return FileResponse(file, media_type=media, filename=file.name)
