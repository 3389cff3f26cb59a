"""Aliases: where they point, changes, going back."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.paging import After, Limit, Page, no_cursor, number, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.serve import aliases
from tuneloop.serve.aliases import AliasChange, Target

router = APIRouter(tags=["serve"])


class Pointing(BaseModel):
    """What an alias shall answer with."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"targets": [{"model": "model-1", "share": 1.0}]}]}
    )
    targets: list[Target] = Field(max_length=20)
    sticky: bool = True
    note: str = Field("", max_length=2000)
    override: str | None = Field(None, max_length=2000, description="Why a version without approval is taken.")
    scenario: str = Field("main", max_length=128)


class GoingBack(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "too many complaints"}]})
    to: int | None = Field(None, description="The number of an earlier change; the one before the newest if left out.")
    note: str = Field("", max_length=2000)
    override: str | None = Field(None, max_length=2000)


@router.get("/aliases")
def list_aliases(
    request: Request,
    after: After = None,
    limit: Limit = 1000,
    scenario: str | None = None,
    caller: Caller = needs("models:read"),
) -> Page[AliasChange]:
    """By name."""
    if after is not None and not re.fullmatch(aliases.NAME, after):
        raise no_cursor(after)
    found = sorted(aliases.everything(service(request).ws, scenario), key=lambda one: one.alias)
    return page((one for one in found if after is None or one.alias > after), limit, lambda one: one.alias)


@router.get("/aliases/{alias}")
def show_alias(request: Request, alias: str, caller: Caller = needs("models:read")) -> AliasChange:
    return aliases.current(service(request).ws, alias)


@router.get("/aliases/{alias}/history")
def alias_history(
    request: Request, alias: str, after: After = None, limit: Limit = 1000, caller: Caller = needs("models:read")
) -> Page[AliasChange]:
    """Newest first."""
    below = number(after)
    found = aliases.history(service(request).ws, alias)
    return page((one for one in found if below is None or one.number < below), limit, lambda one: one.number)


@router.put("/aliases/{alias}")
def point_alias(request: Request, alias: str, body: Pointing, caller: Caller = needs("models:deploy")) -> AliasChange:
    return aliases.point(
        service(request).ws,
        alias,
        body.targets,
        person=caller.name,
        note=body.note,
        sticky=body.sticky,
        override=body.override,
        scenario=body.scenario,
    )


@router.post("/aliases/{alias}/rollback")
def roll_back(request: Request, alias: str, body: GoingBack, caller: Caller = needs("models:deploy")) -> AliasChange:
    ws = service(request).ws
    return aliases.roll_back(ws, alias, person=caller.name, to=body.to, note=body.note, override=body.override)


@router.delete("/aliases/{alias}")
def remove_alias(request: Request, alias: str, caller: Caller = needs("models:deploy")) -> AliasChange:
    """Its name answers nothing any more; its history stays."""
    ws = service(request).ws
    aliases.current(ws, alias)
    return aliases.point(ws, alias, [], person=caller.name)
