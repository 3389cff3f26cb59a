"""API keys: one's own, and everybody's for those who manage people."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.access import keys, people
from tuneloop.access.keys import ApiKey
from tuneloop.access.permissions import permissions_of
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.paging import After, Limit, Page, number, page
from tuneloop.app.http.security import Caller, actor, signed_in
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError

router = APIRouter(tags=["people"])


class NewKey(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "nightly jobs", "scopes": ["jobs:read", "jobs:write"], "days": 90}]},
    )
    name: str = Field(max_length=200)
    scopes: list[str] | None = Field(None, max_length=100, description="Left out: all that the person may do.")
    days: float | None = Field(None, description="Days until it expires; left out: it does not.")
    person: str | None = Field(None, max_length=200, description="For somebody else; needs people:manage.")
    per_minute: int | None = Field(None, ge=1, le=10_000_000, description="A limit of its own; needs people:manage.")


class ShownKey(BaseModel):
    """`secret` is shown this once."""

    id: str
    prefix: str
    name: str
    person: str
    scopes: list[str] | None
    per_minute: int | None
    created: str
    expires: str | None
    secret: str


@router.get("/keys")
def list_keys(
    request: Request,
    person: str | None = None,
    limit: Limit = 100,
    after: After = None,
    caller: Caller = signed_in(),
) -> Page[ApiKey]:
    """One's own keys, newest first; who manages people sees all, or those of one `person`."""
    ws = service(request).ws
    owner = people.find(ws, person).id if person is not None and _manages(caller) else person
    if not _manages(caller):
        if owner not in (None, caller.user):
            raise HttpError(403, "This needs the permission people:manage.", code="insufficient_permissions")
        owner = caller.user
    return page(keys.keys(ws, person=owner, below=number(after), limit=limit + 1), limit, lambda one: one.number)


@router.post("/keys")
def create_key(request: Request, body: NewKey, caller: Caller = signed_in()) -> ShownKey:
    """A key that may do no more than whoever makes it."""
    ws = service(request).ws
    other = body.person is not None and body.person != caller.user
    if (other or body.per_minute is not None) and not _manages(caller):
        raise HttpError(403, "This needs the permission people:manage.", code="insufficient_permissions")
    owner = people.find(ws, body.person if body.person is not None else caller.user)
    wanted = frozenset(body.scopes) if body.scopes is not None else permissions_of(owner.role)
    if lacking := (wanted & permissions_of(owner.role)) - caller.held:
        told = f"A key cannot make one that may do more: {', '.join(sorted(lacking))}."
        raise HttpError(403, told, code="insufficient_permissions", param="scopes")
    made, secret = keys.create(
        ws, actor(request), owner.id, body.name, scopes=body.scopes, days=body.days, per_minute=body.per_minute
    )
    shown = {name: value for name, value in asdict(made).items() if name in ShownKey.model_fields}
    return ShownKey(**shown, secret=secret)


@router.get("/keys/{key}")
def show_key(request: Request, key: str, caller: Caller = signed_in()) -> ApiKey:
    return _reachable(request, key, caller)


@router.delete("/keys/{key}")
def revoke_key(request: Request, key: str, caller: Caller = signed_in()) -> ApiKey:
    """The key stops at once.  Its row stays, for the audit log."""
    return keys.revoke(service(request).ws, actor(request), _reachable(request, key, caller).id)


def _reachable(request: Request, key: str, caller: Caller) -> ApiKey:
    found = keys.find(service(request).ws, key)
    if found.person != caller.user and not _manages(caller):
        raise NotFoundError(f"there is no key {key!r}")
    return found


def _manages(caller: Caller) -> bool:
    return "people:manage" in caller.held
