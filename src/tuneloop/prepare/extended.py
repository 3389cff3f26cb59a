"""The version that new input is added to: its records, where they are split, and what groups them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tuneloop.prepare import versions
from tuneloop.records import DatasetVersion, Split
from tuneloop.store import Workspace
from tuneloop.store.datasets import addresses
from tuneloop.store.tags import tags_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

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

    def given(self) -> Iterator[pa.RecordBatch]:
        """The old records for steps to observe, marked as such."""
        import pyarrow as pa

        for batch, _, _ in self.batches():
            yield batch.append_column(pa.field("held", pa.bool_()), pa.array([True] * batch.num_rows))

    @cached_property
    def ids(self) -> NDArray[np.bytes_]:
        """The old ids, sorted."""
        import numpy as np

        if self.version is None:
            return np.empty(0, dtype="S67")
        ledgers = (self.ws.ledgers.read(one, ["record"]) for one in addresses(self.ws, self.version.name, "members"))
        parts = [np.array(batch.column("record").to_pylist(), dtype="S67") for ledger in ledgers for batch in ledger]
        return np.concatenate([np.empty(0, dtype="S67"), *parts])

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
