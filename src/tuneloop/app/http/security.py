"""Who asks, and may they: every route names its permission with `needs`; a route without one is refused at start."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from tuneloop.access.audit import Actor
from tuneloop.access.callers import Caller
from tuneloop.access.permissions import Permission
from tuneloop.app.http.errors import HttpError

__all__ = ["OPEN", "SIGNED_IN", "Caller", "actor", "address", "check", "everybody", "needs", "signed_in"]

OPEN = "open"
"""The mark of the few routes that everybody may ask: health, signing in."""
SIGNED_IN = "signed-in"
"""The mark of routes about oneself: any key or session will do."""


def needs(permission: Permission) -> Any:
    """The dependency of a route: gives its Caller, or 401 and 403."""
    return _dependency(permission)


def signed_in() -> Any:
    """The dependency of a route about the caller: gives its Caller, or 401."""
    return _dependency(SIGNED_IN)


def everybody() -> Any:
    """The dependency of a route that needs no caller."""

    async def nothing() -> None:
        return None

    nothing.permission = OPEN  # type: ignore[attr-defined]
    return Depends(nothing)


def check(caller: Caller | None, permission: str) -> Caller:
    """The caller if there is one who may; else 401 or 403."""
    if caller is None:
        raise HttpError(
            401, "No valid API key or session was sent.", code="invalid_api_key", headers={"www-authenticate": "Bearer"}
        )
    if permission != SIGNED_IN and permission not in caller.held:
        has = "the key that was sent lacks it" if caller.key else f"{caller.name} has the role {caller.role}"
        raise HttpError(403, f"This needs the permission {permission}; {has}.", code="insufficient_permissions")
    return caller


def address(request: Request) -> str:
    """Where a request comes from, as the server sees it; a header counts only from a proxy that was named at start."""
    return request.client.host if request.client else ""


def actor(request: Request) -> Actor:
    """Who acts, for the audit log.  Only under a route that needs a caller."""
    caller: Caller = request.state.caller
    return caller.actor(address(request))


def _dependency(permission: str) -> Any:
    async def find(request: Request) -> Caller:  # async: a plain function would cost a turn in the thread pool
        return check(getattr(request.state, "caller", None), permission)

    find.permission = permission  # type: ignore[attr-defined]
    return Depends(find)
