"""Rows from production: pushed through the gate, listed, taken or refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.paging import After, Limit, Page, number, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.errors import UsageError
from tuneloop.prepare.gate import PART, gate
from tuneloop.store import triage
from tuneloop.store.triage import Batch, Chosen, Decided, State, TriageRow

router = APIRouter(tags=["prepare"])

Thumb = Literal["up", "down"]
Tag = Annotated[str | None, Query(max_length=128)]


class Push(BaseModel):
    """Rows of a log in any of the formats, and a key of their own: the same key again adds nothing.

    Personal data is taken out before anything is stored.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "key": "2026-11-22/03",
                    "rows": [
                        {
                            "request": {"messages": [{"role": "user", "content": "How do I return it?"}]},
                            "response": {"choices": [{"message": {"role": "assistant", "content": "In the app."}}]},
                            "tags": ["returns"],
                        }
                    ],
                }
            ]
        },
    )
    rows: list[dict[str, Any]] = Field(min_length=1, max_length=PART)
    key: str = Field(min_length=1, max_length=256)
    name: str = Field("", max_length=256)
    tags: list[str] = Field([], max_length=50)


class Decision(BaseModel):
    """Rows by their numbers, or all that a filter finds; refusing needs a reason."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "taken", "numbers": [1]}]})
    to: Decided
    numbers: list[int] | None = Field(None, min_length=1, max_length=10_000)
    state: State | None = None
    tag: str | None = Field(None, max_length=128)
    thumb: Thumb | None = None
    language: str | None = Field(None, max_length=16)
    batch: int | None = None
    reason: str = Field("", max_length=2000)


class Moved(BaseModel):
    """How many rows were moved, and how many are in each state."""

    moved: int
    counts: dict[str, int]


@router.post("/triage", status_code=201)
def push_rows(request: Request, body: Push, caller: Caller = needs("data:write")) -> Batch:
    """Let a batch through the gate; all of it or nothing."""
    ws = service(request).ws
    return gate(ws, body.rows, key=body.key, person=caller.name, name=body.name, tags=body.tags)


@router.get("/triage")
def list_rows(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    state: State | None = None,
    tag: Tag = None,
    thumb: Thumb | None = None,
    language: Annotated[str | None, Query(max_length=16)] = None,
    batch: int | None = None,
    caller: Caller = needs("exchanges:read"),
) -> Page[TriageRow]:
    """By rising number."""
    chosen = Chosen(state=state, tag=tag, thumb=thumb, language=language, batch=batch)
    found = triage.rows(service(request).ws, chosen, after=number(after) or 0, limit=limit + 1)
    return page(found, limit, lambda one: one.number)


@router.get("/triage/counts")
def count_rows(request: Request, caller: Caller = needs("exchanges:read")) -> dict[str, int]:
    """How many rows are in each state."""
    return triage.counts(service(request).ws)


@router.post("/triage/decisions")
def decide(request: Request, body: Decision, caller: Caller = needs("data:write")) -> Moved:
    """Take or refuse rows in the caller's name, or let them wait again."""
    ws = service(request).ws
    chosen = Chosen(body.state, body.tag, body.thumb, body.language, body.batch, body.numbers)
    if chosen == Chosen():
        raise UsageError("found neither numbers nor a filter", expected="numbers, state, tag, thumb, language or batch")
    moved = triage.decide(ws, chosen, body.to, person=caller.name, reason=body.reason)
    return Moved(moved=moved, counts=triage.counts(ws))
