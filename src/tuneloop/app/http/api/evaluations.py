"""Evaluations: reports over a model and its base, with their pages."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from tuneloop.app.http.paging import After, Limit, Page, behind, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError
from tuneloop.records import Report
from tuneloop.store import evaluations

router = APIRouter(tags=["evaluate"])
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
"""A report is a page of its own, with its styles and script inside, and may reach nothing else."""


@router.get("/evaluations")
def list_evaluations(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    model: str | None = None,
    scenario: str | None = None,
    caller: Caller = needs("evaluations:read"),
) -> Page[Report]:
    """Newest first."""
    ws = service(request).ws
    found = evaluations.evaluations(ws, model, scenario, below=behind(ws, after, "eval"), limit=limit + 1)
    return page(found[::-1], limit, lambda one: one.name)


@router.get("/evaluations/{name}")
def show_evaluation(request: Request, name: str, caller: Caller = needs("evaluations:read")) -> Report:
    return evaluations.evaluation(service(request).ws, name)


@router.get("/evaluations/{name}/page", response_class=FileResponse)
def evaluation_page(request: Request, name: str, caller: Caller = needs("evaluations:read")) -> FileResponse:
    """The report as HTML."""
    ws = service(request).ws
    report = evaluations.evaluation(ws, name)
    file = ws.folder / report.page if report.page else None
    if file is None or not file.is_file():
        raise NotFoundError(f"{report.name} has no page")
    return FileResponse(file, media_type="text/html", headers={"content-security-policy": PAGE_POLICY})
