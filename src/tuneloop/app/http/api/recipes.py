"""Recipes and members: what can be set, with schemas and texts, so that a form can be drawn from them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tuneloop.app.http.addresses import ServedPlaces
from tuneloop.app.http.addresses import served as served_places
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.served_recipes import served
from tuneloop.app.http.service import service
from tuneloop.app.members import registries
from tuneloop.config import setting_words
from tuneloop.errors import NotFoundError, nearest
from tuneloop.recipes import RECIPES, check_members, read_recipe

router = APIRouter(tags=["recipes"])


class Text(BaseModel):
    en: str
    zh: str


class RecipeShown(BaseModel):
    """The JSON schema of a stage's recipe, and the help of each setting."""

    stage: str
    settings: dict[str, Text]
    json_schema: dict[str, Any]


class MemberShown(BaseModel):
    name: str
    title: Text
    help: Text
    settings: dict[str, Text]
    json_schema: dict[str, Any]


class Checked(BaseModel):
    """The recipe as it was read, defaults included."""

    stage: str
    recipe: dict[str, Any]


@router.get("/recipes")
def list_recipes(caller: Caller = needs("models:read")) -> list[RecipeShown]:
    return [_recipe(stage) for stage in RECIPES]


@router.get("/recipes/{stage}")
def show_recipe(stage: str, caller: Caller = needs("models:read")) -> RecipeShown:
    return _recipe(stage)


@router.post("/recipes/{stage}/check")
def check_recipe(request: Request, stage: str, body: dict[str, Any], caller: Caller = needs("models:read")) -> Checked:
    """400 with the field's path and the nearest known key for what cannot be, or may not be over HTTP.

    The members in it are made; what depends on data is found by `POST /api/runs`.
    """
    _recipe(stage)
    served(service(request).ws, RECIPES[stage], body, stage)
    asked = read_recipe(stage, given=body)
    check_members(asked, stage)
    if stage == "prepare":
        served_places((), body, ServedPlaces())
    return Checked(stage=stage, recipe=asked.model_dump(mode="json"))


@router.get("/members")
def list_folders(caller: Caller = needs("models:read")) -> dict[str, list[str]]:
    """The names of all members by folder."""
    return {folder: registry.names() for folder, registry in registries().items()}


@router.get("/members/{folder}")
def list_members(folder: str, caller: Caller = needs("models:read")) -> list[MemberShown]:
    known = registries()
    if folder not in known:
        raise NotFoundError(f"no folder of members is called {folder!r}", do=nearest(folder, known).capitalize())
    return [_member(known[folder].describe(name)) for name in known[folder]]


def _recipe(stage: str) -> RecipeShown:
    if stage not in RECIPES:
        raise NotFoundError(f"no stage with a recipe is called {stage!r}", do=nearest(stage, RECIPES).capitalize())
    kind = RECIPES[stage]
    words = {name: setting_words(kind, name) for name in kind.model_fields}
    return RecipeShown(
        stage=stage,
        settings={name: Text(en=one.en, zh=one.zh) for name, one in words.items()},
        json_schema=kind.model_json_schema(),
    )


def _member(described: dict[str, Any]) -> MemberShown:
    return MemberShown(json_schema=described["schema"], **{k: v for k, v in described.items() if k != "schema"})
