"""Loaded bases: which there are, loading one ahead of requests, and letting one go."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.answers import answers, find, refused
from tuneloop.app.http.security import Caller, needs
from tuneloop.errors import NotFoundError
from tuneloop.serve.hosts import Host, HostError

router = APIRouter(tags=["serve"])


class Loaded(BaseModel):
    """A base in memory. `bytes` is what its process holds of this machine (0 for one that answers elsewhere), `idle`
    the seconds since it was last asked, `users` the requests that hold it."""

    base: str
    bytes: int
    users: int
    idle: float


class Wanted(BaseModel):
    """A base, a version, or an alias: its base is loaded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"model": "starter"}]})
    model: str = Field(min_length=1, max_length=256)


@router.get("/loaded")
async def list_loaded(request: Request, caller: Caller = needs("models:read")) -> list[Loaded]:
    """The one used last at the end."""
    return [_shown(host) for host in answers(request).hosts.loaded]


@router.post("/loaded", status_code=201)
async def load(request: Request, body: Wanted, caller: Caller = needs("models:write")) -> Loaded:
    """Load a base ahead of the first request; the answer comes when it is ready."""
    target = await find(request, body.model, None)
    try:
        return _shown(await answers(request).hosts.load(target.base))
    except HostError as error:
        raise refused(error.failed) from None


@router.delete("/loaded/{base:path}", status_code=204)
async def unload(request: Request, base: str, caller: Caller = needs("models:write")) -> Response:
    """Let a base go and give its memory back; what it is answering fails. The next request loads it again."""
    if not await answers(request).hosts.unload(base):
        raise NotFoundError(f"{base!r} is not loaded", do="List what is: GET /api/loaded")
    return Response(status_code=204)


def _shown(host: Host) -> Loaded:
    idle = 0.0 if host.users else max(0.0, time.monotonic() - host.used)
    return Loaded(base=host.key, bytes=host.backend.memory, users=host.users, idle=round(idle, 1))
