"""Runs: starting them, what they are doing, their curves, stopping and going on."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app import beginning
from tuneloop.app.http.addresses import served
from tuneloop.app.http.paging import After, Limit, Page, behind, number, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.served_steps import check_base, check_steps
from tuneloop.app.http.service import service
from tuneloop.app.http.settings import Rules
from tuneloop.app.wiring import Kind
from tuneloop.runs import Run, queue
from tuneloop.runs.run import Event, State

router = APIRouter(tags=["runs"])


class Asked(BaseModel):
    """A stage to run, with its recipe as a recipe file would hold it below the stage's name."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"stage": "train", "data": "data-1", "recipe": {"max_steps": 20}},
                {"stage": "export", "data": "data-1", "recipe": {"split": "train", "form": "csv", "layout": "columns"}},
            ]
        },
    )
    stage: Literal[
        "prepare", "merge", "export", "statistics", "review", "judge", "trial", "spam_model", "train", "evaluate"
    ]
    files: list[str] = Field(
        [], max_length=1000, description="For prepare: ids of uploaded files; for spam_model one, a CSV of examples."
    )
    addresses: list[str] = Field(
        [],
        max_length=1000,
        description="For prepare: https://…, web:FILE-ID, hf:owner/name, modelscope:owner/name, and database:NAME or "
        "store:NAME/path as the server's settings name them.",
    )
    versions: list[str] = Field(
        [], max_length=100, description="For merge: dataset versions; the first keeps its splits."
    )
    review: str | None = Field(None, description="For judge: a review sample; the newest if left out.")
    data: str | None = Field(
        None, description="For export, statistics, review, trial and train: a dataset version; the newest if left out."
    )
    model: str | None = Field(None, description="For evaluate: a model version; the newest if left out.")
    recipe: dict[str, Any] = {}
    scenario: str = Field("main", max_length=128)


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
    """What can be known to be impossible is refused here, before anything is queued."""
    ws = service(request).ws
    if body.stage == "prepare":
        check_steps(body.recipe)
        addresses, recipe = served(body.addresses, body.recipe, Rules.of(service(request)).settings.places)
        run = beginning.prepare(ws, body.files, recipe, scenario=body.scenario, addresses=addresses)
    elif body.stage == "merge":
        run = beginning.merge(ws, body.versions)
    elif body.stage == "export":
        run = beginning.export(ws, body.data, body.recipe)
    elif body.stage == "statistics":
        check_base("recipe.base", str(body.recipe.get("base", "starter")))
        run = beginning.statistics(ws, body.data, body.recipe)
    elif body.stage == "review":
        run = beginning.review(ws, body.data, body.recipe, person=caller.name)
    elif body.stage == "judge":
        run = beginning.judge(ws, body.review, body.recipe)
    elif body.stage == "trial":
        run = beginning.trial(ws, body.data, body.recipe)
    elif body.stage == "spam_model":
        run = beginning.spam_model(ws, body.files)
    elif body.stage == "train":
        run = beginning.train(ws, body.data, body.recipe)
    else:
        run = beginning.evaluate(ws, body.model, body.recipe)
    return queue.show(ws, run)


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
