"""`/v1/models`: bases first, then versions by name and the names of fine-tuned models, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from tuneloop.app.http.answers import answers, find
from tuneloop.app.http.calling import quick
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.records import ModelVersion
from tuneloop.serve import aliases, approvals
from tuneloop.serve.router import Target, speaks
from tuneloop.store import Workspace, model_names, models

router = APIRouter(tags=["models"])

OWNER = "tuneloop"


@router.get("/models")
@quick
def list_models(request: Request, caller: Caller = needs("models:read")) -> dict[str, Any]:
    """Everything that can be asked by name, aliases included."""
    shown = _Shown(service(request).ws)
    data = [shown.base(name) for name in answers(request).router.bases(shown.all)]
    data += [shown.alias(name, versions) for name, versions in shown.by_alias.items()]
    for version in reversed(shown.versions.values()):
        data += [shown.version(name.name, version, name.job) for name in reversed(shown.names.get(version.name, []))]
        data.append(shown.version(version.name, version))
    return {"object": "list", "data": data}


@router.get("/models/{name:path}")
async def retrieve_model(request: Request, name: str, caller: Caller = needs("models:read")) -> dict[str, Any]:
    target = await find(request, name, caller.user)
    return await run_in_threadpool(_one, service(request).ws, name, target)


@router.delete("/models/{name:path}")
async def delete_model(request: Request, name: str, caller: Caller = needs("models:write")) -> dict[str, Any]:
    """Take the name of a fine-tuned model away; its version stays in the lineage.

    Where it was the version's last name, loaded bases let go of its adapter.
    """
    if not name.startswith(model_names.PREFIX):
        raise HttpError(
            400, f"`{name}` cannot be deleted; only names that begin with `ft:` can.", code="invalid_value",
            param="model",
        )  # fmt: skip
    target = await find(request, name, caller.user)
    last = await run_in_threadpool(_remove, service(request).ws, name, target.name)
    if last and target.adapter is not None:
        await answers(request).hosts.drop(target.adapter.name)
    return {"id": name, "object": "model", "deleted": True}


def _remove(ws: Workspace, name: str, version: str) -> bool:
    """Remove a name; whether it was the version's last one."""
    held = aliases.deployed(ws).get(version, [])
    if held:
        raise HttpError(
            409, f"`{name}` answers to {', '.join(held)}. Point the alias elsewhere first.", code="model_in_use",
            param="model",
        )  # fmt: skip
    model_names.remove_name(ws, name)
    return not model_names.names_of(ws, version)


def _one(ws: Workspace, name: str, target: Target) -> dict[str, Any]:
    shown = _Shown(ws)
    if target.version is None:
        return shown.base(name)
    if name in shown.by_alias:
        return shown.alias(name, shown.by_alias[name])
    job = next((one.job for one in shown.names.get(target.name, []) if one.name == name), None)
    return shown.version(name, target.version, job)


class _Shown:
    """Models as the protocol shows them, with what we know of them beside."""

    def __init__(self, ws: Workspace) -> None:
        with ws.db.read() as connection:
            self.all = models.in_transaction(connection)
            self.held = aliases.holders(connection)
            self.states: Mapping[str, str] = approvals.states(connection)
            named = model_names.in_transaction(connection)
        self.versions = {one.name: one for one in self.all if speaks(one)}
        self.names: dict[str, list[model_names.ModelName]] = {}
        for name in named:
            self.names.setdefault(name.version, []).append(name)
        self.by_alias: dict[str, list[str]] = {}
        for version, names in self.held.items():
            for alias in names:
                self.by_alias.setdefault(alias, []).append(version)

    def base(self, name: str) -> dict[str, Any]:
        ours: dict[str, Any] = {"parent": None, "root": name, "alias": [], "stage": None, "job_id": None}
        return _model(name, 0, ours)

    def alias(self, name: str, versions: list[str]) -> dict[str, Any]:
        known = [self.versions[one] for one in versions if one in self.versions]
        created = max((_seconds(one) for one in known), default=0)
        root = self._root(known[0]) if known else None
        ours = {"parent": versions[0], "root": root, "alias": [name], "stage": "deployed", "versions": versions}
        return _model(name, created, ours)

    def version(self, name: str, version: ModelVersion, job: str | None = None) -> dict[str, Any]:
        ours = {
            "parent": version.base,
            "root": self._root(version),
            "alias": self.held.get(version.name, []),
            "stage": self.states.get(version.name, "candidate"),
            "job_id": job,
            "version": version.name,
        }
        return _model(name, _seconds(version), ours)

    def _root(self, version: ModelVersion) -> str:
        """The base that was not tuned here."""
        while version.base in self.versions:
            version = self.versions[version.base]
        return version.base


def _model(name: str, created: int, ours: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": OWNER, "tuneloop": ours}


def _seconds(version: ModelVersion) -> int:
    return int(datetime.fromisoformat(version.created).timestamp())
