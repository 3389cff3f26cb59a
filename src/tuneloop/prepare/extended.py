"""The version that new input is added to: its records, where they are split, and what groups them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tuneloop.prepare import versions
from tuneloop.records import SPLITS, DatasetVersion, Split
from tuneloop.store import Workspace
from tuneloop.store.datasets import addresses
from tuneloop.store.tags import tags_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tuneloop.prepare.spill import Spill

LARGE = 20_000
"""Records from which a version is asked for what is near to something, and not read."""
LEDGERS = ("records", "origins", "fates", "changes")


@dataclass(frozen=True)
class Extended:
    """`version` None: nothing is extended, and everything here is empty."""

    ws: Workspace
    version: DatasetVersion | None = None

    @property
    def count(self) -> int:
        return self.version.records if self.version else 0

    @property
    def parent(self) -> DatasetVersion | None:
        """The version that the new one comes from."""
        return self.version

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[Split], list[float]]]:
        """The old records as steps see them, numbered from 0, with their splits and weights, by rising id."""
        import pyarrow as pa

        from tuneloop.prepare.batches import schema

        if self.version is None:
            return
        row = 0
        for batch in versions.batches(self.ws, self.version):
            numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
            row += batch.num_rows
            columns = [numbers, *(batch.column(name) for name in ("id", "kind", "lang", "length", "payload"))]
            made = pa.RecordBatch.from_arrays(columns, schema=schema())
            yield made, batch.column("split").to_pylist(), batch.column("weight").to_pylist()

    def given(self, near: Spill | None = None) -> Iterator[pa.RecordBatch]:
        """The old records for steps to observe, marked as such: all, or those that may be near to what a spill holds.

        Where the version is small, or the spill is not, all are given.
        """
        import pyarrow as pa

        chosen = self.batches() if near is None or not self.dwarfs(near.rows) else self.some(self.close_to(near))
        for batch, _, _ in chosen:
            yield batch.append_column(pa.field("held", pa.bool_()), pa.array([True] * batch.num_rows))

    def dwarfs(self, rows: int) -> bool:
        """Is it so much larger that looking near records up takes less time than reading it?"""
        return is_large(self.count) and rows * 10 <= self.count

    def close_to(self, spill: Spill) -> list[str]:
        """The ids of the old records that may be near to one of a spill, sorted."""
        from tuneloop.prepare.batches import to_records
        from tuneloop.prepare.near_index import close_to

        if self.version is None:
            return []
        ledgers, found = addresses(self.ws, self.version.name, "records"), set[str]()
        for batch in spill.read():
            found |= close_to(self.ws, ledgers, list(to_records(batch)))
        return sorted(found)

    def some(self, ids: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, list[Split], list[float]]]:
        """The same as `batches` of those of these records that the version holds."""
        import numpy as np
        import pyarrow as pa

        from tuneloop.prepare.batches import schema

        if self.version is None or not ids:
            return
        query = """
            SELECT DISTINCT ON (r.id) r.id, r.kind, r.lang, r.length, r.payload, m.split, m.weight
            FROM (SELECT * FROM records WHERE id IN (SELECT unnest(?))) r
            JOIN (SELECT * FROM members WHERE record IN (SELECT unnest(?))) m ON m.record = r.id ORDER BY r.id
        """
        ledgers = {kind: addresses(self.ws, self.version.name, kind) for kind in ("records", "members")}
        table = self.ws.ledgers.query(query, [list(ids), list(ids)], **ledgers)
        for batch in table.to_batches(max_chunksize=1024):
            rows = np.searchsorted(self.ids, np.array(batch.column("id").to_pylist(), dtype=self.ids.dtype))
            columns = [batch.column(name) for name in ("id", "kind", "lang", "length", "payload")]
            arrays = [pa.array(rows, pa.int64()), *columns]
            made = pa.RecordBatch.from_arrays(
                [one.cast(field.type) for one, field in zip(arrays, schema(), strict=True)], schema=schema()
            )
            yield made, batch.column("split").to_pylist(), batch.column("weight").to_pylist()

    def members(self) -> Iterator[pa.RecordBatch]:
        """Record, split and weight of all old records by rising id."""
        if self.version is not None:
            for address in addresses(self.ws, self.version.name, "members"):
                yield from self.ws.ledgers.read(address)

    def columns(self) -> Iterator[pa.RecordBatch]:
        """Kind, lang and length of all old records, in no order."""
        if self.version is None:
            return
        ledgers = {kind: addresses(self.ws, self.version.name, kind) for kind in ("records", "members")}
        if sum(self.ws.ledgers.rows(one) for one in ledgers["records"]) == self.count:
            for address in ledgers["records"]:
                yield from self.ws.ledgers.read(address, ["kind", "lang", "length"])
            return
        query = """
            SELECT kind, lang, length FROM (SELECT DISTINCT ON (id) id, kind, lang, length FROM records) r
            SEMI JOIN members m ON m.record = r.id
        """
        yield from self.ws.ledgers.query(query, **ledgers).to_batches()

    @cached_property
    def ids(self) -> NDArray[np.bytes_]:
        """The old ids, sorted."""
        import numpy as np

        parts = [wide_ids(batch.column("record")) for batch in self.members()]
        return np.concatenate([np.empty(0, dtype="S67"), *parts])

    @cached_property
    def places(self) -> NDArray[np.int8]:
        """The place of each old record in SPLITS, in the order of their ids."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        names = pa.array(SPLITS)
        parts = [pc.index_in(batch.column("split"), value_set=names).to_numpy() for batch in self.members()]
        return np.concatenate([np.empty(0, dtype=np.int8), *parts]).astype(np.int8)

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """The group keys of those old records that have any."""
        if self.version is None:
            return {}
        origins = addresses(self.ws, self.version.name, "origins")
        if not origins:
            return {}
        query = 'SELECT record, list(DISTINCT "group") AS groups FROM origins WHERE "group" IS NOT NULL GROUP BY record'
        table = self.ws.ledgers.query(query, origins=origins)
        return dict(zip(table["record"].to_pylist(), table["groups"].to_pylist(), strict=True))

    @cached_property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of those old records that have any."""
        return {} if self.version is None else tags_of(self.ws, self.version)

    def ledgers(self) -> dict[str, list[str]]:
        """Addresses that the new version keeps."""
        if self.version is None:
            return {kind: [] for kind in LEDGERS}
        return {kind: addresses(self.ws, self.version.name, kind) for kind in LEDGERS}


def is_large(rows: int) -> bool:
    """Is looking near records up worth an index?"""
    return rows >= LARGE


def wide_ids(column: pa.Array) -> NDArray[np.bytes_]:
    """The ids of a column, which all have 67 characters."""
    import numpy as np

    _, offsets, content = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    if len(column) and (np.diff(ends) != 67).any():
        return np.array(column.to_pylist(), dtype="S67")
    return np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]].copy().view("S67")


def raw_ids(wide: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """The 32 bytes that the hexadecimal digits of ids name."""
    import numpy as np

    digits = np.ascontiguousarray(wide).view(np.uint8).reshape(-1, 67)[:, 3:]
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0")).astype(np.uint8)
    raw: NDArray[np.bytes_] = ((values[:, 0::2] << 4) | values[:, 1::2]).astype(np.uint8).view("S32").reshape(-1)
    return raw
