"""Choose: which base, objective and tuner suit the data and this machine, and why."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from tuneloop import loop
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.served_recipes import served
from tuneloop.app.http.service import service
from tuneloop.choose.recipe import ChooseRecipe
from tuneloop.records import Choice

router = APIRouter(tags=["choose"])


class Wish(BaseModel):
    """Settings as below `choose:` in a recipe file."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"recipe": {"goal": "any"}}]})
    data: str | None = None
    recipe: dict[str, Any] = {}


@router.post("/choose")
def choose(request: Request, body: Wish, caller: Caller = needs("data:read")) -> Choice:
    """`base` names models of the catalogue, of a hub or of this workspace; folders are for the command line."""
    ws = service(request).ws
    return loop.choose(body.data, workspace=ws, recipe=served(ws, ChooseRecipe, body.recipe, "recipe"))
