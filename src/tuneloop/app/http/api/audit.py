"""The audit log, newest first."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from tuneloop.access import audit
from tuneloop.access.audit import Entry
from tuneloop.app.http.paging import After, Limit, Page, Since, Until, number, page, seconds
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service

router = APIRouter(tags=["people"])


@router.get("/audit")
def list_audit(
    request: Request,
    person: Annotated[str | None, Query(max_length=64, description="The id of who did it.")] = None,
    action: Annotated[str | None, Query(max_length=64, description="Such as `key.create`, or `key.*`.")] = None,
    outcome: Literal["done", "refused"] | None = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = needs("audit:read"),
) -> Page[Entry]:
    """Who did what, on what, with which outcome, from where."""
    found = audit.entries(
        service(request).ws,
        person=person,
        action=action,
        outcome=outcome,
        since=seconds(since),
        until=seconds(until),
        below=number(after),
        limit=limit + 1,
    )
    return page(found, limit, lambda one: one.number)
