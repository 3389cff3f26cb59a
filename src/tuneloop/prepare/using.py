"""Which runs use a dataset version, and what of its data lies in their folders.

A run names versions in what it was asked: as its data, as what it merges, extends, tests on or compares with, or by a
model or a review that was made of one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from tuneloop.runs.run import ACTIVE, State
from tuneloop.store import Workspace
from tuneloop.store.quality_tables import reviews
from tuneloop.store.tables import dataset_versions, models, runs

KEYS = frozenset(("data", "versions", "extend", "test_of", "against", "test", "model", "review"))
"""Under these, anywhere in what a run was asked, stand versions, or what was made of one."""
WORKING: tuple[State, ...] = ("queued", *ACTIVE)
HARMLESS = frozenset(("recipe.yaml", "resolved.json", "loss.en.svg", "loss.zh.svg"))
"""What a run's folder holds without any data; the rest (encoded texts, samples, inputs, the log) may hold some."""


@dataclass(frozen=True)
class User:
    """A run that uses the version `of`; `working`: it may read it at any moment."""

    run: str
    kind: str
    of: str
    working: bool


def users(connection: Connection, versions: Collection[str]) -> list[User]:
    """The runs that use one of these versions, oldest first; those that forget do not count."""
    made: dict[str, str] = {
        row.name: row.dataset for row in connection.execute(select(models.c.name, models.c.dataset))
    }
    made |= {row.name: row.dataset for row in connection.execute(select(reviews.c.name, reviews.c.dataset))}
    newest = connection.execute(select(dataset_versions.c.name).order_by(dataset_versions.c.number.desc())).scalar()
    made["newest"] = newest or ""
    own: dict[str, str] = {
        row.run: row.name
        for row in connection.execute(select(dataset_versions.c.run, dataset_versions.c.name))
        if row.name in versions
    }
    found = []
    query = select(runs.c.id, runs.c.kind, runs.c.state, runs.c.spec).order_by(runs.c.number)
    for row in connection.execute(query.where(runs.c.kind != "forget")):
        named = {made.get(name, name) for name in _named(row.spec)} | {own.get(row.id, "")}
        if hit := named & set(versions):
            found.append(User(row.id, row.kind, min(hit), row.state in WORKING))
    return found


def _named(spec: Any, key: str = "") -> Iterator[str]:
    if isinstance(spec, Mapping):
        for name, value in spec.items():
            yield from _named(value, str(name))
    elif isinstance(spec, list):
        for value in spec:
            yield from _named(value, key)
    elif isinstance(spec, str) and key in KEYS:
        yield spec


def left_by(ws: Workspace, run: str) -> list[str]:
    """What a run's folder may hold of the data that it used, relative to the workspace."""
    folder = ws.folder / "runs" / run
    if not folder.is_dir():
        return []
    return sorted(ws.relative(one) for one in folder.iterdir() if one.name not in HARMLESS)
