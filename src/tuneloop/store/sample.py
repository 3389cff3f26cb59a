"""Which records of a dataset version are looked at: a draw that depends on the seed and on nothing else.

Records are taken in the order of a hash of (seed, id), so the same records come whatever order they lie in, and a
larger limit only adds to a smaller one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tuneloop.records import DatasetVersion, Record, Split
from tuneloop.store import datasets
from tuneloop.store.workspace import Workspace

_CHUNK = 256


def draw(ws: Workspace, version: DatasetVersion, split: Split, most: int, seed: int) -> Iterator[Record]:
    """At most `most` records of a split, in the order of the draw; a few hundred are held at a time."""
    members = datasets.addresses(ws, version.name, "members")
    records = datasets.addresses(ws, version.name, "records")
    chosen = ws.ledgers.query(
        "SELECT record FROM members WHERE split = ? ORDER BY md5(? || record), record LIMIT ?",
        [split, f"{seed}:", most],
        members=members,
    )
    ids = chosen.column("record").to_pylist()
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        found = ws.ledgers.query(
            "SELECT id, any_value(payload) AS payload FROM records WHERE list_contains(?, id) GROUP BY id",
            [part],
            records=records,
        )
        payloads = dict(zip(found.column("id").to_pylist(), found.column("payload").to_pylist(), strict=True))
        for identity in part:
            yield Record.from_payload(json.loads(payloads[identity]))
