"""Model versions: a row that names a folder, written after the folder is whole and flushed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from tuneloop.errors import NotFoundError, Where
from tuneloop.records.results import ModelVersion
from tuneloop.store.database import clock
from tuneloop.store.datasets import Fence
from tuneloop.store.durable import flush_file, flush_folder, storage_errors
from tuneloop.store.numbered import numbered
from tuneloop.store.reference import NEWEST, find
from tuneloop.store.tables import created_text, lock_kind, next_number
from tuneloop.store.tables import models as table
from tuneloop.store.workspace import Workspace


def add_model(
    ws: Workspace,
    *,
    base: str,
    form: Literal["adapter", "full", "remote"],
    folder: Path,
    objective: str,
    tuner: str,
    recipe: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
    dataset: str | None = None,
    scenario: str = "main",
    run: str | None = None,
    fence: Fence | None = None,
) -> ModelVersion:
    """Make a model visible under the next name; `folder` lies in the workspace and is not written to any more.

    The id is `m1:` and a SHA-256 over the folder's files, so the same weights have the same id; a run that was killed
    after this and does it again gets the same model.
    """
    relative, identity = ws.relative(folder), folder_identity(folder)
    with ws.db.write(durable=True) as connection:
        if fence is not None:
            fence(connection)
        lock_kind(connection, "model")
        same = select(table).where(table.c.run == run, table.c.id == identity)
        if run is not None and (there := connection.execute(same).mappings().first()):
            return _model(there)
        number = next_number(connection, "model")
        row = {
            "name": f"model-{number}",
            "number": number,
            "id": identity,
            "scenario": scenario,
            "created": clock(connection),
            "run": run,
            "base": base,
            "form": form,
            "folder": relative,
            "dataset": dataset,
            "objective": objective,
            "tuner": tuner,
            "recipe": dict(recipe),
            "metrics": dict(metrics or {}),
        }
        connection.execute(insert(table).values(row))
    return _model(row)


def model(ws: Workspace, reference: str = NEWEST, scenario: str | None = None) -> ModelVersion:
    """A model by its name (`model-2`), by its id or the start of it, or the newest one."""
    make = "Make one with: tuneloop train"
    return _model(find(ws.db, table, reference, what="model", make=make, scenario=scenario))


_ALL = select(table).order_by(table.c.number)


def models(
    ws: Workspace, scenario: str | None = None, *, below: int | None = None, limit: int | None = None
) -> list[ModelVersion]:
    """All models, oldest first; or the newest `limit` with a number below `below`."""
    query = select(table)
    if scenario is not None:
        query = query.where(table.c.scenario == scenario)
    with ws.db.read() as connection:
        return [_model(row) for row in numbered(connection, query, table.c.number, below, limit)]


def in_transaction(connection: Connection) -> list[ModelVersion]:
    """All models, oldest first, inside the caller's transaction."""
    return [_model(row) for row in connection.execute(_ALL).mappings()]


def models_from(ws: Workspace, dataset: str) -> list[ModelVersion]:
    """The models that were trained on a dataset version (its name), oldest first."""
    return [one for one in models(ws) if one.dataset == dataset]


def model_folder(ws: Workspace, version: ModelVersion) -> Path:
    """Where a model's files lie; `NotFoundError` when the folder was removed."""
    folder = ws.folder / version.folder
    if not folder.is_dir():
        raise NotFoundError(f"the files of {version.name} are missing", where=Where(file=folder))
    return folder


def folder_identity(folder: Path) -> str:
    """Hash the names and contents of a folder's files, and flush each to the disk."""
    told = hashlib.sha256()
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if not files:
        raise NotFoundError("the model's folder holds no files", where=Where(file=folder))
    with storage_errors(folder):
        for file in files:
            flush_file(file)
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            told.update(f"{file.relative_to(folder).as_posix()}\0{digest}\n".encode())
        for place in {folder.parent, *(file.parent for file in files)}:
            flush_folder(place)
    return f"m1:{told.hexdigest()}"


def _model(row: Mapping[Any, Any]) -> ModelVersion:
    return ModelVersion(
        id=row["id"],
        name=row["name"],
        scenario=row["scenario"],
        created=created_text(row["created"]),
        run=row["run"],
        base=row["base"],
        form=row["form"],
        folder=row["folder"],
        dataset=row["dataset"],
        objective=row["objective"],
        tuner=row["tuner"],
        recipe=row["recipe"],
        metrics=row["metrics"],
    )
