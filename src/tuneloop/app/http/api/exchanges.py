"""Exchanges and the feedback to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from tuneloop.app.http.paging import After, Limit, Page, Since, Until, number, page, seconds
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.serve import exchanges
from tuneloop.serve import feedback as given
from tuneloop.serve.exchanges import Exchange, Logging, Outcome
from tuneloop.serve.feedback import Feedback, Kind
from tuneloop.serve.looked_for import Answer

router = APIRouter(tags=["watch"])
Tags = Annotated[
    list[str],
    Query(
        max_length=16,
        default_factory=list,
        description="`team` or `team=billing`; of several an exchange has them all.",
    ),
]


class Given(BaseModel):
    """A thumb (`up`, `down`), a pick (the index of a choice), or a correction (the right answer)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "thumb", "value": "up", "note": "just right"}]}
    )
    kind: Kind
    value: StrictInt | str
    note: str = Field("", max_length=10_000)


class ExchangeWithFeedback(BaseModel):
    exchange: Exchange
    feedback: list[Feedback]


@router.get("/exchanges")
def list_exchanges(
    request: Request,
    tag: Tags,
    after: After = None,
    limit: Limit = 50,
    model: str | None = None,
    alias: str | None = None,
    outcome: Outcome | None = None,
    asked_by: Annotated[str | None, Query(alias="caller", max_length=200, description="The id of who asked.")] = None,
    scenario: str | None = None,
    feedback: Annotated[Answer | None, Query(description="What people said of it.")] = None,
    since: Since = None,
    until: Until = None,
    caller: Caller = needs("exchanges:read"),
) -> Page[Exchange]:
    """Newest first."""
    found = exchanges.exchanges(
        service(request).ws,
        before=number(after),
        limit=limit + 1,
        model=model,
        alias=alias,
        outcome=outcome,
        caller=asked_by,
        scenario=scenario,
        tags=tag,
        answer=feedback,
        since=seconds(since),
        until=seconds(until),
    )
    return page(found, limit, lambda one: one.number)


@router.get("/exchanges/{identity}")
def show_exchange(request: Request, identity: str, caller: Caller = needs("exchanges:read")) -> ExchangeWithFeedback:
    ws = service(request).ws
    found = exchanges.exchange(ws, identity)
    return ExchangeWithFeedback(exchange=found, feedback=given.of_exchange(ws, identity))


@router.post("/exchanges/{identity}/feedback", status_code=201)
def give_feedback(request: Request, identity: str, body: Given, caller: Caller = needs("feedback:write")) -> Feedback:
    value: Any = body.value
    return given.give(
        service(request).ws,
        identity,
        body.kind,
        value,
        person=caller.name,
        note=body.note,
    )


@router.get("/feedback")
def list_feedback(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    kind: Kind | None = None,
    person: str | None = None,
    model: Annotated[str | None, Query(description="The version that answered.")] = None,
    since: Since = None,
    until: Until = None,
    caller: Caller = needs("exchanges:read"),
) -> Page[Feedback]:
    """Newest first."""
    found = given.feedback(
        service(request).ws,
        before=number(after),
        limit=limit + 1,
        kind=kind,
        person=person,
        model=model,
        since=seconds(since),
        until=seconds(until),
    )
    return page(found, limit, lambda one: one.number)


@router.get("/settings/exchanges")
def show_logging(request: Request, caller: Caller = needs("exchanges:read")) -> Logging:
    return exchanges.logging(service(request).ws)


@router.put("/settings/exchanges")
def change_logging(request: Request, body: Logging, caller: Caller = needs("system:manage")) -> Logging:
    return exchanges.set_logging(service(request).ws, body.model_dump())
