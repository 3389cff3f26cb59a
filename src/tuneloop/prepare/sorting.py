"""Records in the order of their ids, each once, in bounded memory.

Ids are hashes and so spread evenly: rows are dealt into buckets by their first two hex digits, and each bucket is
sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tuneloop.prepare.spill import Spill, SpillFolder
from tuneloop.records.record import SCHEME

if TYPE_CHECKING:
    import pyarrow as pa

BUCKET_BYTES = 16 << 20
MOST_BUCKETS = 256


def by_id(spill: Spill, folder: SpillFolder) -> Iterator[pa.Table]:
    """Tables whose ids rise over all of them; equal ids stand together, the lowest row first."""
    import pyarrow as pa

    count = min(MOST_BUCKETS, spill.bytes // BUCKET_BYTES + 1)
    if count == 1:
        yield pa.Table.from_batches(spill.read(), schema=spill.schema).sort_by(
            [("id", "ascending"), ("row", "ascending")]
        )
        return
    buckets = [folder.new(spill.schema) for _ in range(count)]
    for batch in spill.read():
        numbers = _buckets(batch, count)
        for number in sorted(set(numbers.tolist())):
            buckets[number].write(batch.filter(pa.array(numbers == number)))
    for bucket in buckets:
        table = pa.Table.from_batches(bucket.read(), schema=spill.schema)
        bucket.remove()
        yield table.sort_by([("id", "ascending"), ("row", "ascending")])


def _buckets(batch: pa.RecordBatch, count: int):  # type: ignore[no-untyped-def]
    import numpy as np

    start = len(SCHEME)
    first = [int(one[start : start + 2], 16) for one in batch.column("id").to_pylist()]
    return np.array(first) * count // 256
