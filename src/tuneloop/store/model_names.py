"""The names by which other programs ask for a fine-tuned model: `ft:{base}:{organization}:{suffix}:{8 characters}`.

A name belongs to one model version for good.  `…:ckpt-step-88` names what the job had learnt by step 88.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from tuneloop.store.database import clock
from tuneloop.store.jobs_tables import jobs
from tuneloop.store.jobs_tables import model_names as table
from tuneloop.store.workspace import Workspace

PREFIX = "ft:"


@dataclass(frozen=True)
class ModelName:
    name: str
    version: str
    job: str
    step: int | None
    created: float


def add_name(connection: Connection, name: str, version: str, job: str, step: int | None = None) -> None:
    """Inside the caller's transaction; a name that is taken by another version is an IntegrityError, and a bug."""
    row = {"name": name, "version": version, "job": job, "step": step, "created": clock(connection)}
    connection.execute(insert(table).values(row))


def version_of(ws: Workspace, name: str) -> str | None:
    """The model version (`model-3`) that a name stands for, or None."""
    with ws.db.read() as connection:
        return connection.execute(select(table.c.version).where(table.c.name == name)).scalar()


def base_of(ws: Workspace, name: str) -> str:
    """The base in a name that exists; a base's own name may hold colons, so it is that of the job."""
    with ws.db.read() as connection:
        query = select(jobs.c.base).join(table, table.c.job == jobs.c.id).where(table.c.name == name)
        return str(connection.execute(query).scalar_one())


def names_of(ws: Workspace, version: str) -> list[ModelName]:
    """The names of a version, oldest first."""
    with ws.db.read() as connection:
        query = select(table).where(table.c.version == version).order_by(table.c.created, table.c.name)
        return [_name(row) for row in connection.execute(query).mappings()]


_ALL = select(table).order_by(table.c.created, table.c.name)


def names(ws: Workspace) -> list[ModelName]:
    """All names, oldest first."""
    with ws.db.read() as connection:
        return in_transaction(connection)


def in_transaction(connection: Connection) -> list[ModelName]:
    """All names, oldest first, inside the caller's transaction."""
    return [_name(row) for row in connection.execute(_ALL).mappings()]


def _name(row: Mapping[Any, Any]) -> ModelName:
    return ModelName(row["name"], row["version"], row["job"], row["step"], row["created"])


def remove_name(ws: Workspace, name: str) -> bool:
    """Take a name away; the version stays.  False where there is no such name."""
    with ws.db.write(durable=True) as connection:
        return connection.execute(delete(table).where(table.c.name == name)).rowcount > 0
