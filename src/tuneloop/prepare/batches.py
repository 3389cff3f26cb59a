"""Records as Arrow batches, the form in which steps see them, here and on a cluster.

    row      int64    place in the import: unique, rising in source order; ties between equal records go to the lower
    id       string   of the payload
    kind     string   dictionary-like: one of the five kinds
    lang     string   of the whole text: zh, en, …, or und
    length   int64    characters (code points) of the whole text
    payload  binary   canonical JSON

All but `row` are the columns of the ledger `records`; `row` exists while preparing only.  What an import knows of a row
beside its record travels along in further columns (`wide_schema`):

    tags     list of string   what it is about
    held     bool             in the records of a version that is extended, which stay whatever is read; else missing
    grade    int8             place of its source's grade in the order of grades, 0 the best; null without one
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tuneloop.records import Record, Turn
from tuneloop.text import language

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("row", "id", "kind", "lang", "length", "payload")


def schema() -> pa.Schema:
    import pyarrow as pa

    types = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.int64(), pa.binary())
    return pa.schema(list(zip(COLUMNS, types, strict=True)))


def wide_schema() -> pa.Schema:
    """The columns of an import's batches."""
    import pyarrow as pa

    return schema().append(pa.field("tags", pa.list_(pa.string()))).append(pa.field("grade", pa.int8()))


def to_batch(records: Iterable[tuple[int, Record]]) -> pa.RecordBatch:
    """A batch of (row, record) pairs; language and length are worked out here."""
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([_columns(row, record) for row, record in records], schema=schema())


def _columns(row: int, record: Record) -> dict[str, Any]:
    text = record.full_text
    _remember(record.canonical, record)
    return {
        "row": row,
        "id": record.id,
        "kind": record.kind,
        "lang": language.detect(text),
        "length": len(text),
        "payload": record.canonical,
    }


def with_records(batch: pa.RecordBatch, replaced: Mapping[int, Record]) -> pa.RecordBatch:
    """The batch with other records at some places (counted from 0); `row` and further columns stay as they are."""
    import pyarrow as pa

    fresh = {place: _columns(0, record) for place, record in replaced.items()}
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.name in COLUMNS and field.name != "row":
            values = column.to_pylist()
            for place, row in fresh.items():
                values[place] = row[field.name]
            column = pa.array(values, type=field.type)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def to_records(batch: pa.RecordBatch) -> Iterator[Record]:
    """The records of a batch, read one by one as they are asked for."""
    for payload in batch.column("payload"):
        yield to_record(payload.as_py())


def to_record(payload: bytes) -> Record:
    """The record of a payload; those met last are remembered, as several steps look at one batch in turn."""
    record = _met.get(payload)
    if record is None:
        record = _made(json.loads(payload))
        _remember(payload, record)
    return record


def _made(data: dict[str, Any]) -> Record:
    """The record of plain turns without the checks of `from_payload`: the payload was written by ourselves."""
    turns = data.get("messages", ())
    if data.keys() - _PLAIN or not all(len(turn) == 2 and isinstance(turn["content"], str) for turn in turns):
        return Record.from_payload(data)
    messages = tuple([Turn(turn["role"], turn["content"]) for turn in turns])
    return Record(data["kind"], data.get("text"), messages, label=data.get("label"))


_PLAIN = frozenset(("kind", "text", "messages", "label"))


_met: dict[bytes, Record] = {}
_MET_BYTES = 2 << 20
_met_bytes = 0


def _remember(payload: bytes, record: Record) -> None:
    global _met_bytes
    _met_bytes += len(payload)
    if _met_bytes > _MET_BYTES:
        _met.clear()
        _met_bytes = len(payload)
    _met[payload] = record
