"""A dataset version as a file to take away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.prepare.exporting import export
from tuneloop.prepare.writer import writers
from tuneloop.records.results import Split
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
    the layout cannot say is a 400 and no torn file.
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
