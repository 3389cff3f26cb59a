"""Tags: what the records of a version are about, from the ledger `origins`.

A tag belongs to a source item (a column of its row, a rule that its text fits, its input), and a record has the tags of
all items that it came from.  Ledgers written before tags were known hold none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.records.results import DatasetVersion
from tuneloop.store import datasets
from tuneloop.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


def tag_table(ws: Workspace, version: DatasetVersion | str) -> pa.Table:
    """Columns record and tag, one row for each tag of each member, sorted by record and then by tag.

    Members without tags are not in it.  1M records with a tag each take about two seconds of CPU and 150 MB.
    """
    import pyarrow as pa

    name = version.name if isinstance(version, DatasetVersion) else datasets.version(ws, version).name
    origins = ws.ledgers.with_column(datasets.addresses(ws, name, "origins"), "tags")
    if not origins:
        return pa.table({"record": pa.array([], pa.string()), "tag": pa.array([], pa.string())})
    query = """
        SELECT DISTINCT o.record, o.tag
        FROM (SELECT record, unnest(tags) AS tag FROM origins WHERE tags IS NOT NULL) o
        SEMI JOIN members m ON m.record = o.record ORDER BY ALL
    """
    return ws.ledgers.query(query, origins=origins, members=datasets.addresses(ws, name, "members"))


def tags_of(ws: Workspace, version: DatasetVersion | str) -> dict[str, tuple[str, ...]]:
    """The tags of each record of a version that has any, sorted; equal tuples are one object."""
    found: dict[str, tuple[str, ...]] = {}
    alike: dict[tuple[str, ...], tuple[str, ...]] = {}
    for batch in tag_table(ws, version).to_batches(max_chunksize=16_384):
        for record, tag in zip(batch.column("record").to_pylist(), batch.column("tag").to_pylist(), strict=True):
            tags = (*found.get(record, ()), tag)
            found[record] = alike.setdefault(tags, tags)
    return found


def tag_counts(ws: Workspace, version: DatasetVersion | str) -> dict[str, int]:
    """How many records of a version have each tag, the most frequent first."""
    table = tag_table(ws, version)
    counted = table.group_by("tag").aggregate([("record", "count")])
    pairs = zip(counted["tag"].to_pylist(), counted["record_count"].to_pylist(), strict=True)
    return dict(sorted(pairs, key=lambda one: (-one[1], one[0])))
