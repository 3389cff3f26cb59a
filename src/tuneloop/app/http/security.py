"""Who asks, and may they: every route names its permission with `needs`; a route without one is refused at start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from tuneloop.access.permissions import Permission, Role
from tuneloop.app.http.errors import HttpError

OPEN = "open"
"""The mark of the few routes that everybody may ask: health, signing in."""


@dataclass(frozen=True)
class Caller:
    """`key` is the id of the API key, or None for a session of a person; `held` what may be done."""

    user: str
    name: str
    role: Role
    held: frozenset[Permission]
    key: str | None = None


def needs(permission: Permission) -> Any:
    """The dependency of a route: gives its Caller, or 401 and 403."""

    def check(request: Request) -> Caller:
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            raise HttpError(401, "No valid API key or session was sent.", code="invalid_api_key")
        if permission not in caller.held:
            raise HttpError(
                403, f"This needs the permission {permission}; {caller.name} has the role {caller.role}.",
                code="insufficient_permissions",
            )  # fmt: skip
        return caller

    check.permission = permission  # type: ignore[attr-defined]
    return Depends(check)


def everybody() -> Any:
    """The dependency of a route that needs no caller."""

    def check() -> None:
        return None

    check.permission = OPEN  # type: ignore[attr-defined]
    return Depends(check)
