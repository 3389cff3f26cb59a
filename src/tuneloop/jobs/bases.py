"""Which model a request means: what training starts from, and what the finished model is named after.

A name over the network may be the starter, a model version, an `ft:` name, a base that `bases` of the server's settings
lists by name, or a hub's name whose weights are on this machine.  Folders are for the command line alone: a path that a
stranger sends must not be opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuneloop.errors import NotFoundError, Where
from tuneloop.models import places
from tuneloop.models.versions import is_version
from tuneloop.store import Workspace, models
from tuneloop.store.model_names import PREFIX, base_of, names, version_of
from tuneloop.store.settings import get_setting

SETTING = "bases"
NAMED = "Who runs the server may name a folder: tuneloop serve --set bases.NAME=FOLDER, or bases in its settings file"


@dataclass(frozen=True)
class Base:
    """`reference` is what a recipe's `base` says; `name` what stands in the names of models made from it."""

    reference: str
    name: str


def find(ws: Workspace, model: str, *, trusted: bool = False) -> Base:
    """`NotFoundError` with what there is instead; `trusted` callers may name a folder, or a hub's model to fetch."""
    if model.startswith(PREFIX):
        version = version_of(ws, model)
        if version is None:
            raise unknown(ws, model)
        return Base(version, base_of(ws, model))
    if is_version(model):
        try:
            found = models.model(ws, model)
        except NotFoundError:
            raise unknown(ws, model) from None
        return Base(found.name, found.name)
    listed = known(ws)
    if model in listed:
        return Base(listed[model], model)
    if model == places.STARTER or trusted:
        return Base(model, model.rstrip("/").rpartition("/")[2] if places.looks_like_path(model) else model)
    if not places.looks_like_path(model) and places.here(model) is not None:
        return Base(model, model)
    raise unknown(ws, model)


def known(ws: Workspace) -> Mapping[str, str]:
    """The bases that the workspace's owner named: name → folder or hub name."""
    found: Mapping[str, str] = get_setting(ws, SETTING, {})
    return found


def unknown(ws: Workspace, model: str) -> NotFoundError:
    there = [places.STARTER, *known(ws), *(one.name for one in names(ws)[-5:])]
    return NotFoundError(
        f"The model `{model}` does not exist. Available: {', '.join(there)}",
        where=Where(field="model"),
        do=NAMED if places.looks_like_path(model) else "",
    )
