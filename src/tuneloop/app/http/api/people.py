"""People of the team: who there is, their roles, links to sign in with, being shut out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.access import people, sessions, sign_in
from tuneloop.access.people import Person
from tuneloop.access.permissions import ROLES, Permission, Role, permissions_of
from tuneloop.access.sessions import Session
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.paging import After, Limit, Page, number, page
from tuneloop.app.http.security import Caller, actor, needs, signed_in
from tuneloop.app.http.service import service

router = APIRouter(tags=["people"])


class NewPerson(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "ada", "role": "trainer"}]})
    name: str = Field(max_length=200)
    role: Role


class Changes(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "labeller"}]})
    role: Role | None = None
    disabled: bool | None = Field(None, description="Shut out: keys and sessions stop at once.")


class LinkFor(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"hours": 24}]})
    hours: float = Field(sign_in.LINK_HOURS, gt=0, le=720)


class Link(BaseModel):
    """`url` signs in once; it cannot be shown again."""

    url: str
    hours: float


class RoleInfo(BaseModel):
    role: Role
    permissions: list[Permission]


@router.get("/roles")
def list_roles(caller: Caller = signed_in()) -> Page[RoleInfo]:
    """What each role may do; each has what the one before it has."""
    return page([RoleInfo(role=role, permissions=sorted(permissions_of(role))) for role in ROLES], 100, lambda _: "")


@router.get("/people")
def list_people(
    request: Request, limit: Limit = 100, after: After = None, caller: Caller = needs("people:manage")
) -> Page[Person]:
    found = people.people(service(request).ws, above=number(after) or 0, limit=limit + 1)
    return page(found, limit, lambda one: one.number)


@router.post("/people")
def create_person(request: Request, body: NewPerson, caller: Caller = needs("people:manage")) -> Person:
    """A new person.  Give them a link; the password is theirs to choose."""
    _may_give(caller, body.role)
    return people.create(service(request).ws, actor(request), body.name, body.role)


@router.get("/people/{person}")
def show_person(request: Request, person: str, caller: Caller = needs("people:manage")) -> Person:
    return people.find(service(request).ws, person)


@router.patch("/people/{person}")
def change_person(request: Request, person: str, body: Changes, caller: Caller = needs("people:manage")) -> Person:
    """Another role, shutting out, letting in.  The last admin stays one."""
    found = _in_reach(request, person, caller)
    if body.role is not None:
        _may_give(caller, body.role)
    return people.change(service(request).ws, actor(request), found.id, role=body.role, disabled=body.disabled)


@router.delete("/people/{person}", status_code=204)
def remove_person(request: Request, person: str, caller: Caller = needs("people:manage")) -> None:
    """The person with all keys and sessions.  What the audit log says of them stays."""
    people.remove(service(request).ws, actor(request), _in_reach(request, person, caller).id)


@router.post("/people/{person}/link")
def make_link(request: Request, person: str, body: LinkFor, caller: Caller = needs("people:manage")) -> Link:
    """A link that signs this person in, once."""
    found = _in_reach(request, person, caller)
    secret = sign_in.make_link(service(request).ws, actor(request), found.id, body.hours)
    return Link(url=f"{request.base_url}sign-in#{secret}", hours=body.hours)


@router.delete("/people/{person}/password")
def remove_password(request: Request, person: str, caller: Caller = needs("people:manage")) -> Person:
    """For a password that was forgotten or became known: it is gone, sessions end; a link leads to a new one."""
    return people.set_password(service(request).ws, actor(request), _in_reach(request, person, caller).id, None)


@router.get("/people/{person}/sessions")
def list_sessions_of(request: Request, person: str, caller: Caller = needs("people:manage")) -> Page[Session]:
    ws = service(request).ws
    found = sessions.sessions(ws, people.find(ws, person).id)
    return page(found, max(1, len(found)), lambda one: one.id)


@router.delete("/people/{person}/sessions", status_code=204)
def end_sessions_of(request: Request, person: str, caller: Caller = needs("people:manage")) -> None:
    """Sign a person out everywhere."""
    ws = service(request).ws
    sessions.end_all(ws, actor(request), people.find(ws, person).id)


def _in_reach(request: Request, person: str, caller: Caller) -> Person:
    found = people.find(service(request).ws, person)
    _may_give(caller, found.role)
    return found


def _may_give(caller: Caller, role: Role) -> None:
    """A key with few scopes must not make itself a way to more."""
    lacking = permissions_of(role) - caller.held
    if lacking:
        raise HttpError(
            403,
            f"The role {role} may do more than the key that was sent: {', '.join(sorted(lacking))}.",
            code="insufficient_permissions",
        )
