"""Runs: starting them, what they are doing, their curves, stopping and going on."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from tuneloop.app.http.paging import After, Limit, Page, behind, number, page
from tuneloop.app.http.run_requests import Asked, begun
from tuneloop.app.http.security import Caller, check, needs
from tuneloop.app.http.service import service
from tuneloop.app.http.settings import Rules
from tuneloop.app.wiring import Kind
from tuneloop.runs import Run, queue
from tuneloop.runs.run import Event, State

router = APIRouter(tags=["runs"])


class Point(BaseModel):
    """One point of a curve; `value` is null where it is not a number."""

    step: int
    name: str
    value: float | None


@router.get("/runs")
def list_runs(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    kind: Kind | None = None,
    state: State | None = None,
    scenario: str | None = None,
    caller: Caller = needs("runs:read"),
) -> Page[Run]:
    """Newest first."""
    ws = service(request).ws
    below = behind(ws, after, "run")
    found = queue.list(ws, kind, [state] if state else None, scenario, below=below, limit=limit + 1)
    return page(found, limit, lambda one: one.id)


@router.post("/runs", status_code=201)
def begin(request: Request, body: Asked, caller: Caller = needs("runs:write")) -> Run:
    """What can be known to be impossible is refused here, before anything is queued.

    Export and statistics need data:read too.
    """
    if body.stage in ("export", "statistics"):
        check(caller, "data:read")
    ws = service(request).ws
    return queue.show(ws, begun(ws, body, caller.name, Rules.of(service(request)).settings.places))


@router.get("/runs/{identity}")
def show_run(request: Request, identity: str, caller: Caller = needs("runs:read")) -> Run:
    return queue.show(service(request).ws, identity)


@router.get("/runs/{identity}/events")
def list_events(
    request: Request, identity: str, after: After = None, limit: Limit = 200, caller: Caller = needs("runs:read")
) -> Page[Event]:
    """Oldest first; with the last number as `after` only what came since."""
    ws = service(request).ws
    found = queue.events(ws, identity, after=number(after) or 0)
    return page(found, limit, lambda one: one.number)


@router.get("/runs/{identity}/metrics")
def list_metrics(
    request: Request,
    identity: str,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=100_000, description="How many points at most.")] = 10_000,
    names: str | None = None,
    caller: Caller = needs("runs:read"),
) -> Page[Point]:
    """The curves by step and name, behind the step `after`; `names` are separated by commas.

    `next` is always there: asked again with it, a run at work gives what came since.
    """
    ws = service(request).ws
    run = queue.show(ws, identity)
    step, _, name = (after or "").partition(":")  # a page that ends within a step says at which name
    start = number(step) if after else None
    found = queue.metrics(
        ws,
        run.id,
        names.split(",") if names else None,
        after=-1 if start is None else start,
        behind=name or None,
        limit=limit + 1,
    )
    points = [
        Point(step=one.step, name=one.name, value=one.value if math.isfinite(one.value) else None)
        for one in found[:limit]
    ]
    more = len(found) > limit
    end = f"{points[-1].step}:{points[-1].name}" if more else str(points[-1].step) if points else after
    return Page(data=points, has_more=more, next=end)


@router.post("/runs/{identity}/cancel")
def cancel(request: Request, identity: str, caller: Caller = needs("runs:write")) -> Run:
    return queue.cancel(service(request).ws, identity)


@router.post("/runs/{identity}/pause")
def pause(request: Request, identity: str, caller: Caller = needs("runs:write")) -> Run:
    """It saves a checkpoint and stops."""
    return queue.pause(service(request).ws, identity)


@router.post("/runs/{identity}/resume")
def resume(request: Request, identity: str, caller: Caller = needs("runs:write")) -> Run:
    ws = service(request).ws
    queue.resume(ws, identity)
    return queue.show(ws, identity)
