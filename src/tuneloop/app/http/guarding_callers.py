"""Who stands behind a request: an API key in `Authorization: Bearer`, or a session in a cookie.

A browser sends the cookie along whoever made the request.  So one that changes something must come from a page of ours
(`Origin`, else `Sec-Fetch-Site`) and carry the session's token in `x-csrf-token`, which only our pages can read.  A key
is never sent by a browser on its own, so requests with a key need neither.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from tuneloop.access import tokens
from tuneloop.access.audit import acting_as
from tuneloop.access.callers import Caller, Callers
from tuneloop.app.http.errors import HttpError, database_error, http_error
from tuneloop.app.http.security import OPEN
from tuneloop.errors import TuneloopError

log = logging.getLogger(__name__)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN = "/api/session"
"""Signing in needs no token: who signs in may hold the cookie of an older session, and no token of it."""
READ = {b"authorization", b"cookie", b"origin", b"host", b"sec-fetch-site", b"x-csrf-token"}
LONGEST = 512


def cookie_name(workspace: str, https: bool) -> str:
    """Browsers share cookies between the ports of a host, so each workspace has a name of its own."""
    return f"{'__Host-' if https else ''}tuneloop_{workspace[:8]}"


class Identify:
    def __init__(
        self, app: ASGIApp, callers: Callers, workspace: str, permission_of: Callable[[str, str], str | None]
    ) -> None:
        self.app, self.callers, self.workspace, self.permission_of = app, callers, workspace, permission_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in READ}
        state = scope.setdefault("state", {})
        key = _bearer(headers.get(b"authorization"))
        session = None if key else self._session(headers.get(b"cookie"), scope["scheme"])
        secret = key or session
        try:
            caller: Caller | None = state.get("caller")
            if caller is None and secret is not None:
                caller = self.callers.remembered(secret) or await self._find(secret)
            state["caller"] = caller
            state["session"] = session if caller is not None and caller.session else None
            if key is None and scope["method"] not in SAFE:
                _same_origin(headers)
                if state["session"] and not (scope["path"] == SIGN_IN and scope["method"] == "POST"):
                    _token(headers, state["session"])
        except HttpError as error:
            await error.answer()(scope, receive, send)
            return
        except SQLAlchemyError as error:
            if scope["method"] not in SAFE or self.permission_of(scope["method"], scope["path"]) != OPEN:
                log.error("the caller could not be looked up", exc_info=error)
                await database_error(error).answer()(scope, receive, send)
                return
            state["caller"] = state["session"] = None  # health is told to everybody, also while the database is away
        except TuneloopError as error:
            await http_error(error).answer()(scope, receive, send)
            return
        if caller is None or scope["method"] in SAFE:
            await self.app(scope, receive, send)
        else:
            with acting_as(caller.actor(scope["client"][0] if scope.get("client") else "")):
                await self.app(scope, receive, send)
        if caller is not None and secret is not None and self.callers.due(secret):
            await run_in_threadpool(self._touch, caller)

    async def _find(self, secret: str) -> Caller | None:
        """One indexed read: on a local database not worth a turn in the thread pool."""
        if self.callers.local:
            return self.callers.find(secret)
        return await run_in_threadpool(self.callers.find, secret)

    def _session(self, cookie: str | None, scheme: str) -> str | None:
        name = cookie_name(self.workspace, scheme == "https")
        if cookie is None or name not in cookie:
            return None
        for part in cookie.split(";"):
            found, _, value = part.strip().partition("=")
            if found == name and value.startswith(tokens.SESSION) and len(value) < LONGEST:
                return value
        return None

    def _touch(self, caller: Caller) -> None:
        """The answer has gone out: a database that is away or busy must not turn it into an error."""
        try:
            self.callers.touch(caller)
        except (SQLAlchemyError, TuneloopError) as error:
            log.warning("the time of last use was not written: %s", type(error).__name__)


def set_cookie(workspace: str, https: bool, token: str, seconds: float) -> str:
    """The value of `set-cookie`; an empty token takes the cookie away."""
    secure = "; Secure" if https else ""
    return f"{cookie_name(workspace, https)}={token}; Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Lax{secure}"


def _bearer(header: str | None) -> str | None:
    """The key, also a wrong one: who sends a key is judged by it alone."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    value = value.strip()
    return value if value.startswith(tokens.KEY) and len(value) < LONGEST else tokens.KEY


def _same_origin(headers: dict[bytes, str]) -> None:
    origin = headers.get(b"origin")
    if origin is None:
        foreign = headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin")
    else:
        scheme, _, host = origin.partition("://")
        foreign = scheme not in ("http", "https") or host.lower() != headers.get(b"host", "").lower()
    if foreign:
        raise HttpError(403, "This request comes from a page of another site.", code="foreign_origin")


def _token(headers: dict[bytes, str], session: str) -> None:
    if not tokens.same(headers.get(b"x-csrf-token", ""), tokens.csrf_of(session)):
        raise HttpError(
            403, "The header x-csrf-token is missing or wrong. GET /api/session tells it.", code="invalid_csrf_token"
        )
