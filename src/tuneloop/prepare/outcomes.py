"""What became of every item, pass by pass: each ends as exactly one of kept, merged, dropped, rejected.

Each pass writes the items it ended, by rising row, into a spill of its own; `together` joins the spills with the list
of all items, a chunk at a time, and raises `ConservationError` when an item ended twice or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tuneloop.prepare.spill import Cursor, Rows, Spill, SpillFolder

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 16_384
SPLIT, FORGET = "split", "forget"
"""Where items end that the split left out, or that were forgotten: no step of a recipe."""


class ConservationError(RuntimeError):
    """An item was lost or counted twice: a bug, never the user's mistake."""


def items_schema() -> pa.Schema:
    """One row for each source item: `input` numbers the inputs, `imported` is the id of the record as first read."""
    import pyarrow as pa

    return pa.schema(
        {
            "row": pa.int64(),
            "input": pa.int32(),
            "file": pa.string(),
            "item": pa.int64(),
            "locator": pa.string(),
            "group": pa.string(),
            "subject": pa.string(),
            "imported": pa.string(),
        }
    )


def tags_schema() -> pa.Schema:
    """The tags of items; one row for each item that has any."""
    import pyarrow as pa

    return pa.schema({"row": pa.int64(), "tags": pa.list_(pa.string())})


def outcomes_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        {
            "row": pa.int64(),
            "outcome": pa.string(),
            "reason": pa.string(),
            "step": pa.string(),
            "record": pa.string(),
            "message": pa.string(),
            "excerpt": pa.string(),
        }
    )


class Pass:
    """The items that one pass ended, in rising rows."""

    def __init__(self, spill: Spill) -> None:
        self._rows = Rows(spill)

    def reject(self, row: int, reason: str, message: str, excerpt: str) -> None:
        self._rows.add(row, "rejected", reason, "", None, message, excerpt)

    def drop(self, row: int, reason: str, step: str, record: str, message: str = "", excerpt: str = "") -> None:
        self._rows.add(row, "dropped", reason, step, record, message, excerpt)

    def merge(self, row: int, reason: str, step: str, into: str, message: str = "", excerpt: str = "") -> None:
        self._rows.add(row, "merged", reason, step, into, message, excerpt)

    def keep(self, row: int, record: str) -> None:
        self._rows.add(row, "kept", "", "", record, "", "")

    def close(self) -> Spill:
        return self._rows.close()


class Outcomes:
    """The ends of items, one spill for each pass."""

    def __init__(self, folder: SpillFolder) -> None:
        self._folder = folder
        self._passes: list[Pass] = []

    def new_pass(self) -> Pass:
        self._passes.append(Pass(self._folder.new(outcomes_schema())))
        return self._passes[-1]

    def all(self) -> Iterator[pa.RecordBatch]:
        """Every outcome so far, pass after pass."""
        for one in self._passes:
            yield from one.close().read()

    def together(self, items: Spill) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Chunks of items and, row by row beside them, their outcomes."""
        import pyarrow as pa

        cursors = [Cursor(one.close()) for one in self._passes]
        source = Cursor(items)
        start, total = None, 0
        for batch in items.read():
            start = batch.column("row")[0].as_py()
            break
        while start is not None and total < items.rows:
            start += CHUNK_ROWS
            chunk = source.below(start).combine_chunks()
            ends = pa.concat_tables([cursor.below(start) for cursor in cursors]).sort_by("row")
            total += chunk.num_rows
            if not chunk["row"].equals(ends["row"]):
                raise ConservationError(_difference(chunk, ends))
            yield chunk, ends
        left = sum(cursor.below(1 << 62).num_rows for cursor in cursors)
        if left:
            raise ConservationError(f"{left} outcomes belong to no item")


def _difference(items: pa.Table, ends: pa.Table) -> str:
    from collections import Counter

    ended = Counter(ends["row"].to_pylist())
    wanted = set(items["row"].to_pylist())
    lost = sorted(wanted - ended.keys())[:5]
    twice = [row for row, count in ended.items() if count > 1 or row not in wanted][:5]
    return f"items lost: rows {lost}; ended twice or unknown: rows {twice}"
