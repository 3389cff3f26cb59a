"""Looking into large dataset versions a page at a time: by DuckDB over the ledgers, never through all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuneloop.errors import NotFoundError
from tuneloop.prepare.batches import to_record
from tuneloop.records import DatasetVersion, Fate, Split
from tuneloop.store import Workspace, datasets


@dataclass(frozen=True)
class Entry:
    """A record as a version holds it; `payload` is the record's content as plain data."""

    id: str
    kind: str
    split: Split
    weight: float
    payload: dict[str, Any]


def entries(
    ws: Workspace,
    version: DatasetVersion,
    *,
    after: str | None = None,
    limit: int = 50,
    split: str | None = None,
    kind: str | None = None,
    contains: str | None = None,
    tag: str | None = None,
) -> list[Entry]:
    """Records by rising id behind the id `after`; `contains` is a text that their content holds, in any case."""
    conditions, values = ["true"], []
    tables = {kind: datasets.addresses(ws, version.name, kind) for kind in ("members", "records")}
    if tag is not None:
        tables["origins"] = ws.ledgers.with_column(datasets.addresses(ws, version.name, "origins"), "tags")
        if not tables["origins"]:
            return []
    for condition, value in (
        ("m.record IN (SELECT record FROM origins WHERE list_contains(tags, ?))", tag),
        ("m.record > ?", after),
        ("m.split = ?", split),
        ("r.kind = ?", kind),
        ("contains(lower(decode(r.payload)), lower(?))", contains),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    query = f"""
        SELECT m.record AS id, r.kind, m.split, m.weight, r.payload
        FROM members m JOIN (SELECT DISTINCT ON (id) id, kind, payload FROM records) r ON r.id = m.record
        WHERE {" AND ".join(conditions)} ORDER BY m.record LIMIT {int(limit)}
    """
    rows = ws.ledgers.query(query, values, **tables).to_pylist()
    return [Entry(**{**row, "payload": to_record(row["payload"]).payload()}) for row in rows]


def entries_of(ws: Workspace, version: DatasetVersion, records: Sequence[str]) -> list[Entry]:
    """These records of a version by rising id; those that it does not hold are left out."""
    query = """
        SELECT m.record AS id, r.kind, m.split, m.weight, r.payload
        FROM (SELECT * FROM members WHERE record IN (SELECT unnest(?))) m
        JOIN (SELECT DISTINCT ON (id) id, kind, payload FROM records WHERE id IN (SELECT unnest(?))) r
        ON r.id = m.record ORDER BY m.record
    """
    wanted = list(records)
    rows = ws.ledgers.query(
        query,
        [wanted, wanted],
        members=datasets.addresses(ws, version.name, "members"),
        records=datasets.addresses(ws, version.name, "records"),
    ).to_pylist()
    return [Entry(**{**row, "payload": to_record(row["payload"]).payload()}) for row in rows]


def outcomes(
    ws: Workspace,
    version: DatasetVersion,
    *,
    after: tuple[str, int] | None = None,
    limit: int = 50,
    outcome: str | None = None,
    reason: str | None = None,
    source: str | None = None,
) -> list[Fate]:
    """What became of source items, by source and item, behind the pair `after`."""
    conditions, values = ["true"], []
    if after is not None:
        conditions.append("(source, item) > (?, ?)")
        values += list(after)
    for column, value in (("outcome", outcome), ("reason", reason), ("source", source)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    query = f"SELECT * FROM fates WHERE {' AND '.join(conditions)} ORDER BY source, item LIMIT {int(limit)}"
    found = ws.ledgers.query(query, values, fates=datasets.addresses(ws, version.name, "fates"))
    return [Fate(**row) for row in found.to_pylist()]


def sources_of(ws: Workspace, version: DatasetVersion) -> list[str]:
    """The ids of the sources that a version's records came from."""
    addresses = datasets.addresses(ws, version.name, "origins")
    if not addresses:
        return []
    query = "SELECT DISTINCT source FROM origins o SEMI JOIN members m ON m.record = o.record ORDER BY source"
    members = datasets.addresses(ws, version.name, "members")
    found = ws.ledgers.query(query, origins=addresses, members=members)
    return [str(row["source"]) for row in found.to_pylist()]


def entry(ws: Workspace, version: DatasetVersion, record: str) -> Entry:
    """One record of a version; raises NotFoundError.  Reads one row group of each ledger that may hold it."""
    member = _found(ws, version, "members", "record", record, ["split", "weight"])
    held = _found(ws, version, "records", "id", record, ["id", "kind", "payload"]) if member else None
    if member is None or held is None:
        raise NotFoundError(f"{version.name} holds no record {record!r}")
    return Entry(**member, **{**held, "payload": to_record(held["payload"]).payload()})


def _found(
    ws: Workspace, version: DatasetVersion, kind: str, column: str, value: str, columns: Sequence[str]
) -> dict[str, Any] | None:
    for address in datasets.addresses(ws, version.name, kind):
        if (row := ws.ledgers.find(address, column, value, columns)) is not None:
            return row
    return None
