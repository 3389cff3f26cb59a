"""Ledgers written again without some records or source items, by columns: 1M rows in seconds.

A ledger that holds none of it keeps its address.  Versions share ledgers, so what was written once for one version is
used for the others that lose the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tuneloop.prepare.commit import identity_lines
from tuneloop.store import Workspace, datasets, keys

if TYPE_CHECKING:
    import hashlib

    import pyarrow as pa

COLUMNS: Mapping[str, tuple[str, ...]] = {"records": ("id",), "losses": ("record",), "changes": ("record", "parent")}
"""The kinds whose rows go with a record, and the columns that name it."""
REWRITTEN = (*COLUMNS, "members", "origins", "fates")


class Rewriting:
    """`erased` are all records that go from any version."""

    def __init__(self, ws: Workspace, erased: Set[str], stack: ExitStack) -> None:
        self.ws, self.stack = ws, stack
        self._erased = erased
        self._present: dict[str, frozenset[str]] = {}
        self._made: dict[tuple[str, object], str] = {}
        self._kinds: dict[str, str] | None = None
        self._tags: dict[str, frozenset[str]] = {}

    def without(self, kind: str, address: str, erased: Set[str]) -> str:
        """The ledger less the rows that name an erased record; its own address when there are none."""
        import pyarrow.compute as pc

        named = COLUMNS[kind]
        gone = self._hit(address, named) & erased
        if not gone:
            return address

        def left(batch: pa.RecordBatch) -> pa.RecordBatch:
            wanted = _strings(gone)
            hit = pc.is_in(batch.column(named[0]), value_set=wanted)
            for name in named[1:]:
                hit = pc.or_(hit, pc.is_in(batch.column(name), value_set=wanted))
            return batch.filter(pc.invert(hit))

        return self._written(kind, address, gone, left)

    def members(self, address: str, erased: Set[str], splits: Counter[str], identity: hashlib._Hash) -> str:
        """The list less the erased; what is left is counted and goes into the identity."""
        gone = self._hit(address, ("record",)) & erased
        wanted = _strings(gone)

        def left(batch: pa.RecordBatch) -> pa.RecordBatch:
            import pyarrow.compute as pc

            stays = batch.filter(pc.invert(pc.is_in(batch.column("record"), value_set=wanted)))
            for one in pc.value_counts(stays.column("split")).to_pylist():
                splits[one["values"]] += one["counts"]
            identity.update(identity_lines(stays))
            return stays

        if gone:
            return self._written("members", address, None, left)
        for batch in self.ws.ledgers.read(address):
            left(batch)
        return address

    def kinds(self, address: str, erased: Set[str]) -> dict[str, int]:
        """Of what kinds the members of a list are that go."""
        gone = self._hit(address, ("record",)) & erased
        if gone and self._kinds is None:
            query = "SELECT DISTINCT id, kind FROM records WHERE id IN (SELECT unnest(?))"
            ledgers = datasets.all_addresses(self.ws, "records")
            found = self.ws.ledgers.query(query, [sorted(self._erased)], records=ledgers).to_pylist()
            self._kinds = {row["id"]: row["kind"] for row in found}
        return Counter(self._kinds[one] for one in gone) if self._kinds else {}

    def tags(self, address: str) -> frozenset[str]:
        """The tags that the origins of a ledger have; each ledger is read once."""
        if address not in self._tags:
            held = self.ws.ledgers.with_column([address], "tags")
            query = "SELECT DISTINCT unnest(tags) AS tag FROM origins"
            found = self.ws.ledgers.query(query, origins=held)["tag"].to_pylist() if held else []
            self._tags[address] = frozenset(found)
        return self._tags[address]

    def of_items(self, kind: str, address: str, items: Mapping[tuple[str, int], Any], secret: bytes) -> str:
        """Origins less those of the items, or fates whose rows of the items are tombstones."""
        of_sources: dict[str, list[int]] = defaultdict(list)
        for source, item in items:
            of_sources[source].append(item)
        found = [_hits(batch, of_sources) for batch in self.ws.ledgers.read(address, ["source", "item"])]
        if not any(found):
            return address
        key = (frozenset(place for batch in found for place in batch), tuple(map(len, found)))

        def left(batch: pa.RecordBatch) -> pa.RecordBatch:
            import numpy as np
            import pyarrow as pa

            places = _hits(batch.select(["source", "item"]), of_sources)
            if not places:
                return batch
            stays = np.ones(batch.num_rows, dtype=bool)
            stays[places] = False
            if kind == "origins":
                return batch.filter(pa.array(stays))
            dead = [_tombstone(row, secret) for row in batch.take(pa.array(places)).to_pylist()]
            fresh = pa.RecordBatch.from_pylist(dead, schema=batch.schema)
            order = np.cumsum(stays) - 1
            order[places] = int(stays.sum()) + np.arange(len(places))
            table = pa.Table.from_batches([batch.filter(pa.array(stays)), fresh])
            return table.take(pa.array(order)).combine_chunks().to_batches()[0]

        return self._written(kind, address, key, left)

    def _hit(self, address: str, columns: tuple[str, ...]) -> frozenset[str]:
        """Which of all erased records a ledger names; each ledger is read once."""
        import pyarrow.compute as pc

        if address not in self._present:
            wanted, found = _strings(self._erased), set()
            for batch in self.ws.ledgers.read(address, columns):
                for column in batch.columns:
                    found.update(column.filter(pc.is_in(column, value_set=wanted)).to_pylist())
            self._present[address] = frozenset(found)
        return self._present[address]

    def _written(self, kind: str, address: str, key: object, left: Callable[[pa.RecordBatch], pa.RecordBatch]) -> str:
        """The address of the ledger less what goes; `key` says what that is, None for a ledger of one version."""
        if key is not None and (address, key) in self._made:
            return self._made[address, key]
        from tuneloop.store.ledgers import filled, schema

        writer = self.stack.enter_context(self.ws.ledgers.writer(kind))
        for batch in self.ws.ledgers.read(address):
            writer.write_batch(filled(left(batch), schema(kind)))
        made = writer.commit()
        if key is not None:
            self._made[address, key] = made
        return made


def _hits(batch: pa.RecordBatch, of_sources: Mapping[str, list[int]]) -> list[int]:
    """The places of the rows of some items."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    hit = np.zeros(batch.num_rows, dtype=bool)
    for source, items in of_sources.items():
        own = pc.equal(batch.column("source"), source)
        if pc.any(own).as_py():
            inside = pc.and_(own, pc.is_in(batch.column("item"), value_set=pa.array(items, pa.int64())))
            hit |= inside.to_numpy(zero_copy_only=False)
    return [int(place) for place in np.flatnonzero(hit)]


def _tombstone(row: dict[str, Any], secret: bytes) -> dict[str, Any]:
    mark = keys.tombstone(secret, row["record"] or f"{row['source']}:{row['item']}")
    ended = {"outcome": "dropped", "reason": "forgotten", "step": "forget"}
    return row | ended | {"record": None, "imported": None, "message": f"tombstone {mark}", "excerpt": ""}


def _strings(values: Iterable[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(sorted(values), pa.string())
