"""What is different between two versions, row by row.

added     only the newer version holds the record
removed   only the older one does
edited    a source item became another record: both ids are given
moved     the same record in another split
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from tuneloop.errors import UsageError
from tuneloop.prepare.batches import to_record
from tuneloop.records import DatasetVersion, Split
from tuneloop.store import Workspace, datasets

Kind = Literal["added", "removed", "edited", "moved"]

_DIFFERENCES = """
    gone AS (SELECT o.record, o.split FROM old_members o ANTI JOIN new_members n ON o.record = n.record),
    come AS (SELECT n.record, n.split FROM new_members n ANTI JOIN old_members o ON o.record = n.record),
    pairs AS (
        SELECT g.record AS old, min(c.record) AS new FROM gone g
        JOIN old_origins oo ON oo.record = g.record
        JOIN new_origins nn ON nn.source = oo.source AND nn.item = oo.item
        JOIN come c ON c.record = nn.record
        GROUP BY g.record
    ),
    edits AS (SELECT min(old) AS old, new FROM pairs GROUP BY new),
    differences AS (
        SELECT 'edited' AS kind, e.old AS key, e.old, e.new, g.split AS old_split, c.split AS new_split
        FROM edits e JOIN gone g ON g.record = e.old JOIN come c ON c.record = e.new
        UNION ALL SELECT 'removed', record, record, NULL, split, NULL FROM gone
        WHERE record NOT IN (SELECT old FROM edits)
        UNION ALL SELECT 'added', record, NULL, record, NULL, split FROM come
        WHERE record NOT IN (SELECT new FROM edits)
        UNION ALL SELECT 'moved', o.record, o.record, n.record, o.split, n.split
        FROM old_members o JOIN new_members n ON o.record = n.record WHERE o.split != n.split
    )
"""


@dataclass(frozen=True)
class Difference:
    """`old` and `new` are ids, None where a version lacks the record; the payloads are the records as plain data."""

    kind: Kind
    old: str | None
    new: str | None
    old_split: Split | None
    new_split: Split | None
    old_payload: dict[str, Any] | None = None
    new_payload: dict[str, Any] | None = None

    @property
    def cursor(self) -> str:
        """What `after` takes to go on behind this one."""
        return f"{self.old or self.new} {self.kind}"


def differences(
    ws: Workspace,
    old: DatasetVersion,
    new: DatasetVersion,
    *,
    kind: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Difference]:
    """A page of differences with the records' content, by id; `after` is the `cursor` of the last one seen."""
    if kind is not None and kind not in get_args(Kind):
        raise UsageError(f"no kind of difference is called {kind!r}", expected=" or ".join(get_args(Kind)))
    query = f"""
        WITH {_DIFFERENCES} SELECT * FROM differences
        WHERE (? IS NULL OR kind = ?) AND (? IS NULL OR key || ' ' || kind > ?) ORDER BY key || ' ' || kind LIMIT ?
    """
    rows = _asked(ws, query, [kind, kind, after, after, int(limit)], old, new)
    before = _payloads(ws, old, [row["old"] for row in rows if row["old"]])
    behind = _payloads(ws, new, [row["new"] for row in rows if row["new"]])
    return [
        Difference(
            row["kind"],
            row["old"],
            row["new"],
            row["old_split"],
            row["new_split"],
            before.get(row["old"]),
            behind.get(row["new"]),
        )
        for row in rows
    ]


def counts(ws: Workspace, old: DatasetVersion, new: DatasetVersion) -> dict[Kind, int]:
    """How many differences there are of each kind."""
    query = f"WITH {_DIFFERENCES} SELECT kind, count(*) AS count FROM differences GROUP BY kind"
    found = {row["kind"]: int(row["count"]) for row in _asked(ws, query, [], old, new)}
    return {kind: found.get(kind, 0) for kind in get_args(Kind)}


def _asked(ws: Workspace, query: str, values: list[Any], old: DatasetVersion, new: DatasetVersion) -> list[Any]:
    tables = {
        f"{which}_{kind}": datasets.addresses(ws, version.name, kind)
        for which, version in (("old", old), ("new", new))
        for kind in ("members", "origins")
    }
    found: list[Any] = ws.ledgers.query(query, values, **tables).to_pylist()
    return found


def _payloads(ws: Workspace, version: DatasetVersion, ids: list[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    query = "SELECT DISTINCT ON (id) id, payload FROM records WHERE id IN (SELECT unnest(?))"
    found = ws.ledgers.query(query, [ids], records=datasets.addresses(ws, version.name, "records"))
    return {row["id"]: to_record(row["payload"]).payload() for row in found.to_pylist()}
