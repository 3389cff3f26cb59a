"""Model versions: what they are, where they came from, what may be done with them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.paging import After, Limit, Page, behind, number, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.prepare import browsing
from tuneloop.records import DatasetVersion, ModelVersion, Report
from tuneloop.serve import aliases, approvals
from tuneloop.serve.approvals import Approval, State
from tuneloop.store import Workspace, datasets, evaluations, models

router = APIRouter(tags=["models"])


class ModelShown(BaseModel):
    """A version with its state; `deployed` is whether it holds an alias."""

    version: ModelVersion
    state: State
    deployed: bool
    aliases: list[str]


class Lineage(BaseModel):
    """What a version was made from, and what was made of it."""

    version: ModelVersion
    data: DatasetVersion | None
    sources: list[str]
    parent: ModelVersion | None
    children: list[str]
    evaluations: list[str]


class Decision(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"state": "approved", "note": "blind preference 82 %"}]}
    )
    state: State
    note: str = Field("", max_length=2000)


@router.get("/models")
def list_models(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    scenario: str | None = None,
    state: State | None = None,
    caller: Caller = needs("models:read"),
) -> Page[ModelShown]:
    """Newest first."""
    ws = service(request).ws
    below = behind(ws, after, "model")
    found = models.models(ws, scenario, below=below, limit=limit + 1 if state is None else None)
    shown = (one for one in _shown(ws, found[::-1]) if state in (None, one.state))
    return page(shown, limit, lambda one: one.version.name)


@router.get("/models/{name}")
def show_model(request: Request, name: str, caller: Caller = needs("models:read")) -> ModelShown:
    ws = service(request).ws
    return _shown(ws, [models.model(ws, name)])[0]


@router.get("/models/{name}/lineage")
def show_lineage(request: Request, name: str, caller: Caller = needs("models:read")) -> Lineage:
    ws = service(request).ws
    version = models.model(ws, name)
    every = models.models(ws)
    data = datasets.version(ws, version.dataset) if version.dataset else None
    reports = [report.name for report in evaluations.evaluations(ws) if report.model == version.name]
    return Lineage(
        version=version,
        data=data,
        sources=browsing.sources_of(ws, data) if data else [],
        parent=next((one for one in every if one.name == version.base), None),
        children=[one.name for one in every if one.base == version.name],
        evaluations=reports,
    )


@router.get("/models/{name}/approvals")
def approval_history(
    request: Request, name: str, after: After = None, limit: Limit = 1000, caller: Caller = needs("models:read")
) -> Page[Approval]:
    """Newest first."""
    ws = service(request).ws
    below = number(after)
    found = approvals.history(ws, models.model(ws, name).name)
    return page((one for one in found if below is None or one.number < below), limit, lambda one: one.number)


@router.post("/models/{name}/approvals", status_code=201)
def decide(request: Request, name: str, body: Decision, caller: Caller = needs("models:deploy")) -> Approval:
    """Recorded in the caller's name."""
    return approvals.decide(service(request).ws, name, body.state, person=caller.name, note=body.note)


@router.get("/models/{name}/evaluations")
def model_evaluations(
    request: Request, name: str, after: After = None, limit: Limit = 50, caller: Caller = needs("evaluations:read")
) -> Page[Report]:
    """Newest first."""
    ws = service(request).ws
    version, below = models.model(ws, name), behind(ws, after, "eval")
    found = evaluations.evaluations(ws, version.name, below=below, limit=limit + 1)
    return page(found[::-1], limit, lambda one: one.name)


def _shown(ws: Workspace, versions: list[ModelVersion]) -> list[ModelShown]:
    held = aliases.deployed(ws)
    with ws.db.read() as connection:
        states = approvals.states(connection)
    return [
        ModelShown(
            version=one,
            state=states.get(one.name, "candidate"),
            deployed=one.name in held,
            aliases=held.get(one.name, []),
        )
        for one in versions
    ]
