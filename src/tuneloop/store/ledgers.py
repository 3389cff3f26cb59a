"""Ledgers: what machines say about every record, as Parquet in the blobs; one blob per kind and run.

A writer streams rows in bounded memory: a row group is closed at `GROUP_ROWS` rows or `GROUP_BYTES`, whichever comes
first.  Until `commit` nothing exists under an address.  `members` is sorted by record id, which is what makes looking a
record up cheap: each row group tells its smallest and largest id.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import nearest
from tuneloop.store.blobs import Blobs
from tuneloop.store.durable import storage_errors

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

GROUP_ROWS = 16_384
GROUP_BYTES = 8 << 20
SMALL_GROUPS: Mapping[str, int] = {"members": 4096}
"""Rows of a group where single rows are looked up in many ledgers at once: one version after the other."""

KINDS: Mapping[str, Mapping[str, str]] = {
    # payload: the record's canonical JSON in UTF-8; the columns before it are promoted for filters
    "records": {"id": "string!", "kind": "string!", "lang": "string", "length": "int64!", "payload": "binary!"},
    "origins": {
        "record": "string!",
        "source": "string!",
        "file": "string!",
        "item": "int64!",
        "locator": "string!",
        "subject": "string",
        "group": "string",
        "licence": "string",
        "tags": "list<string>",
        "time": "string",
    },
    "fates": {
        "source": "string!",
        "item": "int64!",
        "locator": "string!",
        "outcome": "string!",
        "reason": "string!",
        "step": "string!",
        "record": "string",
        "message": "string!",
        "excerpt": "string!",
        "imported": "string",
    },
    # before and after: canonical payloads; `before` is sealed (keys.seal, context = parent) where it held personal data
    "changes": {
        "record": "string!",
        "parent": "string!",
        "step": "string!",
        "reason": "string!",
        "sealed": "bool!",
        "before": "binary",
        "after": "binary",
    },
    "members": {"record": "string!", "split": "string!", "weight": "float64!"},
    "losses": {"record": "string!", "split": "string!", "step": "int64!", "loss": "float32!", "tokens": "int32!"},
}
"""The columns of each kind and their types; `!` marks a column that must have a value."""

SORTED_BY: Mapping[str, str] = {"members": "record"}
LOOKED_UP: Mapping[str, tuple[str, ...]] = {"origins": ("record",), "changes": ("record",)}
"""Columns with a Bloom filter for each row group (20 kB): one value is found among 1M without reading them."""


def schema(kind: str) -> pa.Schema:
    """The Arrow schema of a kind of ledger."""
    import pyarrow as pa

    if kind not in KINDS:
        raise ValueError(f"no ledger kind {kind!r}; {nearest(kind, KINDS)}")
    return pa.schema(
        [
            pa.field(name, _type(spelled.rstrip("!")), nullable=not spelled.endswith("!"))
            for name, spelled in KINDS[kind].items()
        ]
    )


def filled(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    """A batch of a ledger that was written before some columns were known, in today's schema: they hold nothing."""
    import pyarrow as pa

    names = set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type) if field.name in names else pa.nulls(batch.num_rows, field.type)
        for field in wanted
    ]
    return pa.RecordBatch.from_arrays(columns, schema=wanted)


def _type(name: str) -> pa.DataType:
    import pyarrow as pa

    inner = name.removeprefix("list<").removesuffix(">")
    return pa.type_for_alias(name) if inner == name else pa.list_(pa.type_for_alias(inner))


class LedgerWriter:
    """Rows of one kind on their way into a blob; as a context manager it is abandoned unless committed."""

    def __init__(self, blobs: Blobs, kind: str, run: str | None = None) -> None:
        import pyarrow.parquet as pq

        self.kind, self.schema, self.rows = kind, schema(kind), 0
        self._blobs, self._part = blobs, blobs.new_part(owner=run or "")
        self._names = frozenset(self.schema.names)
        self._group_rows = SMALL_GROUPS.get(kind, GROUP_ROWS)
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._last: str | None = None
        with storage_errors(self._part):
            self._file = pq.ParquetWriter(
                self._part,
                self.schema,
                compression="zstd",
                use_dictionary=_repeating(kind),
                bloom_filter_options={name: {"ndv": GROUP_ROWS, "fpp": 0.01} for name in LOOKED_UP.get(kind, ())},
            )

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows; a column that may be empty may be left out."""
        import pyarrow as pa

        for row in rows:
            if not row.keys() <= self._names:
                unknown = sorted(row.keys() - self._names)
                raise ValueError(f"unknown columns {unknown} for the ledger {self.kind!r}")
        if rows:
            self.write_batch(pa.RecordBatch.from_pylist(list(rows), schema=self.schema))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add a batch in this kind's schema."""
        if not batch.schema.equals(self.schema):
            raise ValueError(f"the batch's schema is not that of the ledger {self.kind!r}: {batch.schema}")
        for name, spelled in KINDS[self.kind].items():
            if spelled.endswith("!") and batch.column(name).null_count:
                raise ValueError(f"column {name!r} of the ledger {self.kind!r} must have a value in each row")
        self._check_order(batch)
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, self._group_rows - self._pending_rows)
            start += piece.num_rows
            self._pending.append(piece)
            self._pending_rows += piece.num_rows
            self._pending_bytes += piece.nbytes
            if self._pending_rows >= self._group_rows or self._pending_bytes >= GROUP_BYTES:
                self._close_group()
        self.rows += batch.num_rows

    def commit(self) -> str:
        """Close, flush and publish; returns the blob's address."""
        with storage_errors(self._part):
            self._close_group()
            self._file.close()
        return self._blobs.adopt(self._part)

    def abandon(self) -> None:
        """Remove what was written so far; harmless after `commit`."""
        self._pending.clear()
        self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> LedgerWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def _close_group(self) -> None:
        import pyarrow as pa

        if self._pending:
            with storage_errors(self._part, needed=self._pending_bytes):
                self._file.write_table(pa.Table.from_batches(self._pending), row_group_size=self._group_rows)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0

    def _check_order(self, batch: pa.RecordBatch) -> None:
        if self.kind not in SORTED_BY or not batch.num_rows:
            return
        import pyarrow.compute as pc

        by = SORTED_BY[self.kind]
        column = batch.column(by)
        first = column[0].as_py()
        rising = pc.all(pc.less(column.slice(0, len(column) - 1), column.slice(1))).as_py() is not False
        if not rising or (self._last is not None and first <= self._last):
            raise ValueError(f"the ledger {self.kind!r} must be written in rising order of {by!r}, each value once")
        self._last = column[-1].as_py()


class Ledgers:
    """Writing, reading and asking ledgers."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._starting = threading.Lock()
        self._database: tuple[int, DuckDBPyConnection] | None = None

    def writer(self, kind: str, run: str | None = None) -> LedgerWriter:
        """A writer for one ledger; when the run's process is killed, its next attempt removes what it left."""
        return LedgerWriter(self._blobs, kind, run)

    def read(
        self, address: str, columns: Sequence[str] | None = None, batch_rows: int = GROUP_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """The batches of one ledger in their stored order, holding one row group at a time."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self._blobs.path(address)) as file:
            yield from file.iter_batches(batch_size=batch_rows, columns=list(columns) if columns else None)

    def rows(self, address: str) -> int:
        """The number of rows, from the file's footer."""
        import pyarrow.parquet as pq

        return int(pq.read_metadata(self._blobs.path(address)).num_rows)

    def with_column(self, addresses: Sequence[str], column: str) -> list[str]:
        """Those of the ledgers that hold a value in a column, by their footers: older ones may lack the column."""
        import pyarrow.parquet as pq

        return [one for one in addresses if _has_values(pq.read_metadata(self._blobs.path(one)), column)]

    def holds(self, address: str, column: str, value: str) -> bool:
        """Whether a ledger that is sorted by `column` holds `value`."""
        return self.find(address, column, value, [column]) is not None

    def find(self, address: str, column: str, value: str, columns: Sequence[str]) -> dict[str, Any] | None:
        """The first row of a ledger that is sorted by `column` where it is `value`: the footer and one row group.

        No Arrow function is given a Python value, as that imports pandas where it is installed: a second at the start.
        """
        import pyarrow.parquet as pq

        with pq.ParquetFile(self._blobs.path(address)) as file:
            at = file.schema_arrow.get_field_index(column)
            low, high = 0, file.metadata.num_row_groups
            while low < high:  # the first group whose last value is not before the one looked for
                middle = (low + high) // 2
                statistics = file.metadata.row_group(middle).column(at).statistics
                if statistics is not None and statistics.max < value:
                    low = middle + 1
                else:
                    high = middle
            if low == file.metadata.num_row_groups:
                return None
            statistics = file.metadata.row_group(low).column(at).statistics
            if statistics is not None and statistics.min > value:
                return None
            table = file.read_row_group(low, columns=list({column, *columns}), use_threads=False)
            row = bisect_left(range(len(table)), value, key=lambda place: str(table[column][place]))
            if row == len(table) or str(table[column][row]) != value:
                return None
            return dict(table.select(list(columns)).slice(row, 1).to_pylist()[0])

    def query(self, sql: str, parameters: Sequence[Any] = (), /, **tables: Sequence[str]) -> pa.Table:
        """Ask ledgers in SQL (DuckDB, in memory): each keyword is a table made of the ledgers at its addresses.

        The query can read nothing but the given ledgers: no other file, no extension, no network.
        """
        with self._reader() as connection:
            for name, addresses in tables.items():
                files = [str(self._blobs.path(address)) for address in addresses]
                listed = ", ".join(f"'{_quoted(file)}'" for file in files)
                rows = f"read_parquet([{listed}], union_by_name=true)"  # older ledgers may lack a column
                connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM {rows}')
            return connection.sql(sql, params=list(parameters) or None).to_arrow_table()

    def _reader(self) -> DuckDBPyConnection:
        """A connection with views of its own to a database that is started once: starting takes a tenth of a second.

        A forked process starts its own, as threads do not come along.
        """
        import duckdb

        with self._starting:
            if self._database is None or self._database[0] != os.getpid():
                started = duckdb.connect(":memory:")
                started.execute("SET autoinstall_known_extensions=false; SET autoload_known_extensions=false")
                started.execute("SET parquet_metadata_cache=true")
                started.execute(f"SET allowed_directories=['{_quoted(self._blobs.folder)}']")
                started.execute("SET enable_external_access=false; SET lock_configuration=true")
                self._database = (os.getpid(), started)
            return self._database[1].cursor()


def _has_values(metadata: Any, column: str) -> bool:
    """Whether a Parquet file has the column, or the list of that name, and not only nulls in it."""
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for place in range(row_group.num_columns):
            leaf = row_group.column(place)
            if leaf.path_in_schema.split(".")[0] != column:
                continue
            statistics = leaf.statistics  # of very long values there is no smallest and largest, but nulls are counted
            if statistics is None or not statistics.has_null_count or statistics.null_count < leaf.num_values:
                return True
    return False


def _repeating(kind: str) -> list[str]:
    """The columns whose values repeat; ids and payloads don't, and a dictionary of them only costs time."""
    unique = {"id", "record", "imported", "parent", "payload", "before", "after", "locator", "message", "excerpt"}
    return [name for name, spelled in KINDS[kind].items() if name not in unique and spelled.startswith("string")]


def _quoted(path: Path | str) -> str:
    return str(path).replace("'", "''")
