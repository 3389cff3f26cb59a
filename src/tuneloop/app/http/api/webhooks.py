"""Addresses that are told when a job ends."""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.access import audit
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.jobs import webhooks
from tuneloop.jobs.webhooks import Webhook

router = APIRouter(tags=["webhooks"])

Kind = Literal["fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled"]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str = Field(max_length=2000, description="Where the word goes; https, and not inside the network.")
    name: str = Field("", max_length=200)
    event_types: list[Kind] = list(get_args(Kind))


class Shown(BaseModel):
    id: str
    name: str
    url: str
    event_types: list[str]
    created_at: int
    secret: str | None = Field(None, description="Told once, when it is made: the key of the signatures.")


@router.post("/webhooks", status_code=201)
def add_webhook(request: Request, body: Asked, caller: Caller = needs("system:manage")) -> Shown:
    """The answer holds the secret, which is not told again."""
    ws = service(request).ws
    made = webhooks.add(ws, name=body.name, url=body.url, kinds=body.event_types, owner=caller.user)
    audit.record(ws, "webhook.create", made.id, host=urlsplit(made.url).hostname or "", event_types=list(made.kinds))
    return _shown(made, made.secret)


@router.get("/webhooks")
def list_webhooks(request: Request, caller: Caller = needs("system:manage")) -> list[Shown]:
    return [_shown(one) for one in webhooks.listed(service(request).ws)]


@router.delete("/webhooks/{identity}", status_code=204)
def remove_webhook(request: Request, identity: str, caller: Caller = needs("system:manage")) -> None:
    ws = service(request).ws
    webhooks.remove(ws, identity)
    audit.record(ws, "webhook.remove", identity)


def _shown(one: Webhook, secret: str | None = None) -> Shown:
    return Shown(
        id=one.id,
        name=one.name,
        url=one.url,
        event_types=list(one.kinds),
        created_at=int(one.created),
        secret=secret,
    )
