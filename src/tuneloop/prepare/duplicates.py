"""The repeats of a version: clusters of items that say the same, which one stayed, and why.

A cluster is a record and the items that merged into it, the largest cluster first.  Excerpts are as the report shows
them: where a step hides personal data, they are hidden here too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuneloop.errors import UsageError
from tuneloop.prepare import browsing
from tuneloop.records import DatasetVersion, Split
from tuneloop.store import Workspace, datasets
from tuneloop.wording import Words

MEMBERS = 50
"""Items of a cluster that are listed; `size` counts all."""

WHY: Mapping[str, Words] = {
    "equal": Words("says the same word for word", "内容完全相同"),
    "held": Words("the version that was extended holds the other one", "另一条在被追加的版本中已有"),
    "grade": Words("the other one's source has a better grade", "另一条的来源等级更好"),
    "quality": Words("the other one has no broken text or cut-off end", "另一条没有乱码，结尾也完整"),
    "longest": Words("the other one is longer", "另一条更长"),
    "newest": Words("the other one was read later", "另一条读到得更晚"),
    "first": Words("the other one came first", "另一条出现得更早"),
}
"""Why an item is not the one that stayed, by the last word of its merge's detail."""


@dataclass(frozen=True)
class Repeat:
    """One item that merged: how alike it is to what it merged into (1 for equal ones), and why the other one stayed."""

    source: str
    item: int
    locator: str
    step: str
    reason: str
    similarity: float
    why: str
    excerpt: str

    @property
    def words(self) -> Words:
        return WHY[self.why]


@dataclass(frozen=True)
class Cluster:
    """The record that stayed, where it stood itself, and what merged into it; `size` counts all of its items."""

    record: str
    split: Split
    payload: dict[str, Any]
    size: int
    kept: tuple[str, ...]
    repeats: tuple[Repeat, ...]

    @property
    def cursor(self) -> str:
        return f"{self.size}:{self.record}"


def clusters(
    ws: Workspace,
    version: DatasetVersion,
    *,
    reason: str | None = None,
    after: str | None = None,
    limit: int = 20,
) -> list[Cluster]:
    """The clusters of a version behind the cursor `after`; `reason` keeps those that hold such a repeat.

    Raises `UsageError` for a cursor that no page gave.
    """
    size, record = _cursor(after)
    ledgers = {kind: datasets.addresses(ws, version.name, kind) for kind in ("fates", "members")}
    if not ledgers["fates"]:
        return []
    query = """
        SELECT f.record, 1 + count(*) FILTER (f.outcome = 'merged') AS size
        FROM (SELECT DISTINCT source, item, outcome, reason, record FROM fates WHERE outcome = 'merged') f
        SEMI JOIN members m ON m.record = f.record
        GROUP BY f.record HAVING bool_or(? IS NULL OR f.reason = ?) AND (-size, f.record) > (?, ?)
        ORDER BY size DESC, f.record LIMIT ?
    """
    found = ws.ledgers.query(query, [reason, reason, -size, record, limit], **ledgers).to_pylist()
    names = [row["record"] for row in found]
    held = {one.id: one for one in browsing.entries_of(ws, version, names)}
    items = _items(ws, ledgers["fates"], names)
    return [_cluster(row, held[row["record"]], items[row["record"]]) for row in found]


def _cursor(after: str | None) -> tuple[int, str]:
    if after is None:
        return 1 << 62, ""
    size, _, record = after.partition(":")
    if not re.fullmatch("[0-9]{1,18}", size) or not record:
        raise UsageError(f"found the cursor {after!r}", expected="the `next` of a page")
    return int(size), record


def _items(ws: Workspace, fates: Sequence[str], records: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    query = """
        SELECT * FROM (
            SELECT DISTINCT ON (source, item) source, item, locator, outcome, reason, step, record, message, excerpt
            FROM fates WHERE record IN (SELECT unnest(?)) AND outcome IN ('kept', 'merged')
        ) QUALIFY row_number() OVER (PARTITION BY record, outcome ORDER BY source, item) <= ? ORDER BY source, item
    """
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in ws.ledgers.query(query, [list(records), MEMBERS], fates=fates).to_pylist():
        found[row["record"]].append(row)
    return found


def _cluster(row: Mapping[str, Any], entry: browsing.Entry, items: Sequence[Mapping[str, Any]]) -> Cluster:
    return Cluster(
        record=entry.id,
        split=entry.split,
        payload=entry.payload,
        size=row["size"],
        kept=tuple(f"{one['source']}, {one['locator']}" for one in items if one["outcome"] == "kept"),
        repeats=tuple(_repeat(one) for one in items if one["outcome"] == "merged"),
    )


def _repeat(row: Mapping[str, Any]) -> Repeat:
    """The detail of a merge is `0.83 grade`; equal records have none."""
    index, _, why = row["message"].partition(" ")
    return Repeat(
        **{name: row[name] for name in ("source", "item", "locator", "step", "reason", "excerpt")},
        similarity=float(index) if index else 1.0,
        why=why if why in WHY else "first" if index else "equal",
    )
