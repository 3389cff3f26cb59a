"""Signing in and out, who one is, one's own password and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.access import people, sessions, sign_in, tokens
from tuneloop.access.people import Person
from tuneloop.access.permissions import Permission
from tuneloop.access.sessions import LONGEST, Session
from tuneloop.access.sign_in import SignInError
from tuneloop.access.throttle import ThrottledError
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.guarding_callers import set_cookie
from tuneloop.app.http.paging import Page, page
from tuneloop.app.http.security import Caller, actor, address, everybody, signed_in
from tuneloop.app.http.service import service
from tuneloop.errors import NotFoundError, UsageError

router = APIRouter(tags=["people"])

Secret = Annotated[str, Field(max_length=1000, json_schema_extra={"format": "password", "writeOnly": True})]


class SignIn(BaseModel):
    """A name with its password, or what stands behind the `#` of a sign-in link."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "ada", "password": "correct horse battery"}]}
    )
    name: str | None = Field(None, max_length=200)
    password: Secret | None = None
    link: Secret | None = None


class NewPassword(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"old": "correct horse battery", "new": "staple and glue"}]}
    )
    old: Secret | None = Field(None, description="Left out where there is none yet.")
    new: Secret


class Me(BaseModel):
    """`csrf` goes back in the header `x-csrf-token` with every request that changes something; keys need none."""

    person: Person
    permissions: list[Permission]
    key: str | None
    session: str | None
    csrf: str | None


@router.post("/session", dependencies=[everybody()])
def begin_session(request: Request, response: Response, body: SignIn) -> Me:
    """Sign in.  The session is a cookie that scripts cannot read."""
    ws, here = service(request).ws, address(request)
    agent = request.headers.get("user-agent", "")
    with _sentences():
        if body.link is not None and body.name is None and body.password is None:
            token = sign_in.with_link(ws, body.link, here, agent)
        elif body.name is not None and body.password is not None and body.link is None:
            token = sign_in.with_password(ws, body.name, body.password, here, agent)
        else:
            raise UsageError("found neither a name with its password nor a link", expected="one of them")
    _end_older(request)
    caller = service(request).parts["callers"].find(token)
    if caller is None:
        raise HttpError(401, "The person was shut out meanwhile.", code="sign_in_refused")
    response.headers.append("set-cookie", set_cookie(ws.id, request.url.scheme == "https", token, LONGEST))
    return _me(request, caller, token)


@router.get("/session")
def show_session(request: Request, caller: Caller = signed_in()) -> Me:
    """Who the key or session belongs to, and what may be done with it."""
    return _me(request, caller, request.state.session)


@router.delete("/session", status_code=204)
def end_session(request: Request, response: Response, caller: Caller = signed_in()) -> None:
    """Sign out."""
    if caller.session is None:
        raise HttpError(400, "A key has no session to end. Revoke it with DELETE /api/keys/{id}.", code="usage")
    ws = service(request).ws
    sessions.end(ws, actor(request), caller.session)
    response.headers.append("set-cookie", set_cookie(ws.id, request.url.scheme == "https", "", 0))
    response.headers["clear-site-data"] = '"cache", "storage"'


@router.put("/session/password")
def change_password(request: Request, body: NewPassword, caller: Caller = signed_in()) -> Person:
    """Another password for oneself; one's other sessions end."""
    if caller.session is None:
        raise HttpError(403, "A key cannot change a password. Sign in.", code="session_required")
    with _sentences():
        return sign_in.change_own_password(service(request).ws, actor(request), body.old, body.new, caller.session)


@router.get("/sessions")
def list_sessions(request: Request, caller: Caller = signed_in()) -> Page[Session]:
    """One's own sessions, newest first."""
    found = sessions.sessions(service(request).ws, caller.user)
    return page(found, max(1, len(found)), lambda one: one.id)


@router.delete("/sessions/{session}", status_code=204)
def end_one_session(request: Request, session: str, caller: Caller = signed_in()) -> None:
    """End one of one's own sessions."""
    if caller.session is None and "people:manage" not in caller.held:
        raise HttpError(403, "A key cannot end sessions. Sign in.", code="session_required")
    sessions.end(service(request).ws, actor(request), session, person=caller.user)


def _me(request: Request, caller: Caller, token: str | None) -> Me:
    person = people.find(service(request).ws, caller.user)
    csrf = tokens.csrf_of(token) if token else None
    return Me(person=person, permissions=sorted(caller.held), key=caller.key, session=caller.session, csrf=csrf)


def _end_older(request: Request) -> None:
    """The session that this browser held before: the cookie of the new one takes its place."""
    older: Caller | None = request.state.caller
    if older is not None and older.session is not None:
        try:
            sessions.end(service(request).ws, actor(request), older.session)
        except NotFoundError:
            return  # signed out elsewhere meanwhile


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except SignInError as error:
        raise HttpError(401, str(error), code="sign_in_refused") from error
    except ThrottledError as error:
        wait = {"retry-after": str(error.seconds)}
        raise HttpError(429, str(error), code="too_many_attempts", headers=wait) from error
