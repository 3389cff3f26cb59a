"""Which split each record is in: the splitter sees old records where they are, and new ones with their groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tuneloop.prepare.extended import Extended, raw_ids
from tuneloop.prepare.frozen import Frozen
from tuneloop.prepare.outcomes import Outcomes
from tuneloop.prepare.spill import Cursor, Spill
from tuneloop.prepare.split import Splits, Splitter
from tuneloop.prepare.successors import Successors
from tuneloop.records import Split

if TYPE_CHECKING:
    import pyarrow as pa


def place(
    splitter: Splitter,
    extended: Extended,
    final: Spill,
    items: Spill,
    tagged: Spill,
    outcomes: Outcomes,
    successors: Successors,
) -> Splits:
    """Assign all records; what merged into a record ties it to its groups too, and gives it its tags."""
    merged = _merged(outcomes)
    inherited = _inherited(items, "group", merged, successors)
    added = _inherited(tagged, "tags", merged, successors)
    summary = None
    old = extended.batches()
    if extended.dwarfs(final.rows):
        old = _near_ones(extended, final, items)
        summary = splitter.observe_placed(raw_ids(extended.ids), extended.places, _all_tags(extended, added))
    for batch, places, _ in old:
        ids = batch.column("id").to_pylist()
        groups = [extended.groups.get(one, []) for one in ids]
        tags = [[*extended.tags.get(one, ()), *added.get(one, ())] for one in ids]
        part = splitter.observe(batch, groups, [""] * batch.num_rows, places, tags)
        summary = part if summary is None else summary + part
    cursor = Cursor(items)
    for batch in final.read():
        own, inputs = _of_items(cursor, batch)
        ids = batch.column("id").to_pylist()
        groups = [[key for key in [group, *inherited.get(one, ())] if key] for group, one in zip(own, ids, strict=True)]
        part = splitter.observe(batch, groups, inputs, tags=_tags_of(batch, ids, added))
        summary = part if summary is None else summary + part
    return splitter.split(summary, frozen=isinstance(extended, Frozen))


def _near_ones(
    extended: Extended, final: Spill, items: Spill
) -> Iterator[tuple[pa.RecordBatch, list[Split], list[float]]]:
    """Those of the old records that a new one may be close to, or shares a group with."""
    fresh = {key for batch in items.read() for key in batch.column("group").to_pylist() if key}
    grouped = [record for record, keys in extended.groups.items() if fresh.intersection(keys)] if fresh else []
    return extended.some(sorted({*extended.close_to(final), *grouped}))


def _all_tags(extended: Extended, added: Mapping[str, list[str]]) -> list[list[str]] | None:
    """The tags of all old records, where there are any."""
    if not extended.tags and not added:
        return None
    names = [one.decode() for one in extended.ids]
    return [[*extended.tags.get(one, ()), *added.get(one, ())] for one in names]


def _tags_of(batch: pa.RecordBatch, ids: list[str], added: Mapping[str, list[str]]) -> list[list[str]] | None:
    """The tags of each row of a batch, with those of what merged into it; None where there are none."""
    own = batch.column("tags")
    if own.null_count == batch.num_rows and not added:
        return None
    return [[*(here or ()), *added.get(one, ())] for here, one in zip(own.to_pylist(), ids, strict=True)]


def _of_items(cursor: Cursor, batch: pa.RecordBatch) -> tuple[list[str | None], list[str]]:
    """The group and the input (as a stratum) of each row of a batch."""
    import pyarrow.compute as pc

    rows = batch.column("row")
    table = cursor.below(rows[-1].as_py() + 1)
    found = table.take(pc.index_in(rows, table["row"].combine_chunks()))
    return found["group"].to_pylist(), [str(one) for one in found["input"].to_pylist()]


def _merged(outcomes: Outcomes) -> dict[int, str]:
    """The record that each merged item went into; only merged items cost memory."""
    import pyarrow.compute as pc

    merged: dict[int, str] = {}
    for batch in outcomes.all():
        some = batch.filter(pc.equal(batch.column("outcome"), "merged"))
        merged.update(zip(some.column("row").to_pylist(), some.column("record").to_pylist(), strict=True))
    return merged


def _inherited(spill: Spill, column: str, merged: Mapping[int, str], successors: Successors) -> dict[str, list[str]]:
    """The groups or tags of merged items, by the record that they ended in."""
    import pyarrow.compute as pc

    found: dict[str, list[str]] = defaultdict(list)
    for batch in spill.read() if merged else ():
        some = batch.filter(pc.is_valid(batch.column(column)))
        for row, values in zip(some.column("row").to_pylist(), some.column(column).to_pylist(), strict=True):
            if row in merged:
                found[successors.last(merged[row])] += [values] if isinstance(values, str) else values
    return dict(found)
