"""Dataset versions: a row that names its ledgers, written last and once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tuneloop.records.results import DatasetVersion
from tuneloop.store.database import clock
from tuneloop.store.numbered import numbered
from tuneloop.store.reference import NEWEST, find
from tuneloop.store.tables import created_text, dataset_ledgers, dataset_versions, lock_kind, next_number
from tuneloop.store.workspace import Workspace

Fence = Callable[[Connection], None]
"""Refuses a stale writer: called first inside the transaction (`lease.fence`)."""


def own_id(ws: Workspace, id: str, scenario: str) -> str:
    """The id that content of this identity is kept under.

    A version that lost what was forgotten goes on under its id, which stands for all that it once held.  The same
    content that comes in again is another version, and has an id derived from both.
    """
    held = {one.id: one.name for one in versions(ws, scenario) if "successor" in one.report.get("forgotten", {})}
    while id in held:
        scheme, _, _ = id.partition(":")
        id = f"{scheme}:{hashlib.sha256(f'{id} after {held[id]}'.encode()).hexdigest()}"
    return id


def add_version(
    ws: Workspace,
    *,
    id: str,
    splits: Mapping[str, int],
    kinds: Mapping[str, int],
    pipeline: Mapping[str, Any],
    report: Mapping[str, Any],
    ledgers: Mapping[str, str | Sequence[str]],
    scenario: str = "main",
    run: str | None = None,
    parent: str | None = None,
    fence: Fence | None = None,
) -> DatasetVersion:
    """Make a version visible, under the next name; its ledgers must have been committed.

    The same list and pipeline in the same scenario is the same version: the existing one is returned, and ledgers that
    it doesn't have yet (new origins of the same records) are added to it.
    """
    wanted = {kind: [one] if isinstance(one, str) else list(one) for kind, one in ledgers.items()}
    for address in (address for several in wanted.values() for address in several):
        ws.blobs.path(address)
    with ws.db.write(durable=True) as connection:
        if fence is not None:
            fence(connection)
        lock_kind(connection, "data")
        same = (dataset_versions.c.scenario == scenario) & (dataset_versions.c.id == id)
        row: Mapping[Any, Any] | None = connection.execute(select(dataset_versions).where(same)).mappings().first()
        if row is None:
            number = next_number(connection, "data")
            row = {
                "name": f"data-{number}",
                "number": number,
                "id": id,
                "scenario": scenario,
                "created": clock(connection),
                "run": run,
                "parent": parent,
                "splits": dict(splits),
                "kinds": dict(kinds),
                "pipeline": dict(pipeline),
                "report": dict(report),
            }
            connection.execute(insert(dataset_versions).values(row))
        _add_ledgers(connection, row["name"], run, wanted)
    return _version(row)


def version(ws: Workspace, reference: str = NEWEST, scenario: str | None = None) -> DatasetVersion:
    """A version by its name (`data-3`), by its id or the start of it, or the newest one."""
    make = "Make one with: tuneloop prepare FILE"
    return _version(find(ws.db, dataset_versions, reference, what="dataset version", make=make, scenario=scenario))


def is_version_name(name: str) -> bool:
    """Whether a text can only be the name of a version, and no file's: `data-3`."""
    return re.fullmatch(r"data-[0-9]+", name) is not None


def versions(
    ws: Workspace, scenario: str | None = None, *, below: int | None = None, limit: int | None = None
) -> list[DatasetVersion]:
    """All versions, oldest first; or the newest `limit` with a number below `below`."""
    query = select(dataset_versions)
    if scenario is not None:
        query = query.where(dataset_versions.c.scenario == scenario)
    with ws.db.read() as connection:
        return [_version(row) for row in numbered(connection, query, dataset_versions.c.number, below, limit)]


def addresses(ws: Workspace, version_name: str, kind: str, run: str | None = None) -> list[str]:
    """The addresses of a version's ledgers of one kind, in order; `run` keeps those that one run made."""
    columns = dataset_ledgers.c
    query = select(columns.address).where(columns.version == version_name, columns.kind == kind)
    if run is not None:
        query = query.where(columns.run == run)
    with ws.db.read() as connection:
        return list(connection.execute(query.order_by(columns.position)).scalars())


def all_addresses(ws: Workspace, kind: str) -> list[str]:
    """The addresses of all versions' ledgers of one kind, each once, sorted."""
    query = select(dataset_ledgers.c.address).where(dataset_ledgers.c.kind == kind).distinct()
    with ws.db.read() as connection:
        return sorted(connection.execute(query).scalars())


def versions_with(ws: Workspace, record: str) -> list[DatasetVersion]:
    """The versions that hold a record, oldest first."""
    names = splits_with(ws, record)
    return [one for one in versions(ws) if one.name in names]


def splits_with(ws: Workspace, record: str) -> dict[str, str]:
    """The versions that hold a record, oldest first, and the split each has it in, by the sorted `members` ledgers."""
    columns = dataset_ledgers.c
    query = select(columns.version, columns.address).where(columns.kind == "members")
    numbered = query.join(dataset_versions, dataset_versions.c.name == columns.version)
    with ws.db.read() as connection:
        members = connection.execute(numbered.order_by(dataset_versions.c.number)).all()
    held = {
        address: ws.ledgers.find(address, "record", record, ["split"]) for address in {one.address for one in members}
    }
    return {one.version: row["split"] for one in members if (row := held[one.address]) is not None}


def _add_ledgers(connection: Connection, name: str, run: str | None, wanted: Mapping[str, Sequence[str]]) -> None:
    columns = dataset_ledgers.c
    for kind, several in wanted.items():
        there = select(columns.address).where(columns.version == name, columns.kind == kind)
        known = set(connection.execute(there).scalars())
        last = select(func.max(columns.position)).where(columns.version == name, columns.kind == kind)
        position = connection.execute(last).scalar()
        start = 0 if position is None else position + 1
        for offset, address in enumerate(address for address in dict.fromkeys(several) if address not in known):
            row = {"version": name, "kind": kind, "position": start + offset, "address": address, "run": run}
            connection.execute(insert(dataset_ledgers).values(row))


def _version(row: Mapping[Any, Any]) -> DatasetVersion:
    return DatasetVersion(
        id=row["id"],
        name=row["name"],
        scenario=row["scenario"],
        created=created_text(row["created"]),
        run=row["run"],
        splits=row["splits"],
        kinds=row["kinds"],
        pipeline=row["pipeline"],
        report=row["report"],
        parent=row["parent"],
    )
