"""Reading dataset versions: their records, what became of each source item, where a record came from, what was changed.

records    (record, split, weight), by rising id
fates      what became of each source item
origins_of every place that a record came from
changes    records as they were before a step changed or dropped them
difference which records one version has and another has not
restore    a person takes a dropped item back: the next version applies it
trace      the versions that hold a record
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneloop.errors import NotFoundError, UsageError
from tuneloop.prepare import batches as record_batches
from tuneloop.prepare.answerless import REASON
from tuneloop.prepare.originals import opened
from tuneloop.prepare.outcomes import FORGET, SPLIT
from tuneloop.records import DatasetVersion, Fate, Origin, Record, Split
from tuneloop.store import Workspace, datasets
from tuneloop.store.restores import Restore, add_restore

if TYPE_CHECKING:
    import pyarrow as pa

READ_ROWS = 1024
MERGED_ALIKE = ("exact_duplicate", "same_record", "already_there")


@dataclass(frozen=True)
class Change:
    """`before` is None where the original was not kept or the key to it is not on this machine."""

    record: str
    parent: str
    step: str
    reason: str
    before: Record | None
    sealed: bool


def records(
    ws: Workspace, version: DatasetVersion | str, split: Split | None = None
) -> Iterator[tuple[Record, Split, float]]:
    """The records of a version by rising id, of one split or of all."""
    for batch in batches(ws, version, split):
        columns = (batch.column(name).to_pylist() for name in ("payload", "split", "weight"))
        for payload, place, weight in zip(*columns, strict=True):
            yield record_batches.to_record(payload), place, weight


def batches(ws: Workspace, version: DatasetVersion | str, split: Split | None = None) -> Iterator[pa.RecordBatch]:
    """The same as Arrow batches with the columns id, kind, lang, length, payload, split, weight."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = _name(ws, version)
    cursors = [_ById(ws, address) for address in datasets.addresses(ws, name, "records")]
    for address in datasets.addresses(ws, name, "members"):
        for members in ws.ledgers.read(address, batch_rows=READ_ROWS):
            held = pa.concat_tables([cursor.up_to(members.column("record")[-1].as_py()) for cursor in cursors])
            if split is not None:
                members = members.filter(pc.equal(members.column("split"), split))
            rows = pc.index_in(members.column("record"), held["id"].combine_chunks())
            if rows.null_count:
                raise NotFoundError(
                    f"{rows.null_count} records of {name} are missing from its ledgers",
                    do="Restore the workspace's blobs folder from a copy",
                )
            found = held.take(rows).append_column("split", members.column("split"))
            yield from found.append_column("weight", members.column("weight")).combine_chunks().to_batches()


class _ById:
    """A ledger sorted by id, read in step with the members."""

    def __init__(self, ws: Workspace, address: str) -> None:
        self._batches = ws.ledgers.read(address, batch_rows=READ_ROWS)
        self._held: list[pa.RecordBatch] = []

    def up_to(self, last: str) -> pa.Table:
        """Everything with an id up to `last` that was not given out before."""
        import bisect

        import pyarrow as pa

        given: list[pa.RecordBatch] = []
        while True:
            batch = self._held.pop() if self._held else next(self._batches, None)
            if batch is None:
                break
            end = bisect.bisect_right(batch.column("id"), last, key=lambda one: one.as_py())
            given.append(batch.slice(0, end))
            if end < batch.num_rows:
                self._held.append(batch.slice(end))
                break
        if not given:
            from tuneloop.store.ledgers import schema

            return schema("records").empty_table()
        return pa.Table.from_batches(given)


def fates(
    ws: Workspace, version: DatasetVersion | str, outcome: str | None = None, reason: str | None = None
) -> Iterator[Fate]:
    """What became of each source item, in the order of reading."""
    for row in _rows(ws, version, "fates"):
        if (outcome is None or row["outcome"] == outcome) and (reason is None or row["reason"] == reason):
            yield Fate(**row)


def origins_of(ws: Workspace, version: DatasetVersion | str, record: str) -> list[Origin]:
    """Every place in the version's sources that a record came from."""
    addresses = datasets.addresses(ws, _name(ws, version), "origins")
    if not addresses:
        return []
    query = "SELECT DISTINCT * EXCLUDE record FROM origins WHERE record = ? ORDER BY source, item"
    found = ws.ledgers.query(query, [record], origins=addresses).to_pylist()
    return [Origin(**{**row, "tags": tuple(row.get("tags") or ())}) for row in found]


def changes(ws: Workspace, version: DatasetVersion | str, step: str | None = None) -> Iterator[Change]:
    """Records as they were before a step changed or dropped them."""
    for row in _rows(ws, version, "changes"):
        if step is None or row["step"] == step:
            before = opened(ws, row["parent"], row["sealed"], row["before"])
            original = record_batches.to_record(before) if before is not None else None
            yield Change(row["record"], row["parent"], row["step"], row["reason"], original, row["sealed"])


def difference(ws: Workspace, old: DatasetVersion | str, new: DatasetVersion | str) -> dict[str, int]:
    """How many records two versions share, how many only one has, and how many changed their split."""
    query = """
        SELECT count(*) FILTER (o.record IS NULL) AS added, count(*) FILTER (n.record IS NULL) AS removed,
               count(*) FILTER (o.split = n.split) AS same, count(*) FILTER (o.split != n.split) AS moved
        FROM old_members o FULL JOIN new_members n ON o.record = n.record
    """
    found = ws.ledgers.query(
        query,
        old_members=datasets.addresses(ws, _name(ws, old), "members"),
        new_members=datasets.addresses(ws, _name(ws, new), "members"),
    )
    return {str(key): int(value) for key, value in found.to_pylist()[0].items()}


def restore(
    ws: Workspace, version: DatasetVersion | str, source: str, item: int, *, person: str, note: str = ""
) -> Restore:
    """Take a dropped item back: the step that dropped it leaves it alone in the next version.

    Raises `UsageError` for an item that would not come back: it is there, or its equal is; it could not be read or has
    no answer; the split left it out, as it would leak; or it was forgotten.
    """
    fate = _fate(ws, version, source, item)
    if fate is None:
        name = _name(ws, version)
        raise NotFoundError(
            f"{name} has no item {item} of {source}",
            do=f"List what was left out with: tuneloop restore {name}, or GET /api/versions/{name}/outcomes",
        )
    if fate.outcome == "kept":
        raise UsageError(f"item {item} of {source} is in the version already", expected="a dropped item")
    if fate.reason == REASON:
        raise UsageError(f"item {item} of {source} has no answer", expected="a dropped item", do=fate.message)
    if fate.outcome == "rejected":
        raise UsageError(
            f"item {item} of {source} cannot be read: {fate.message}",
            expected="a dropped item",
            do="Mend it in the file and prepare it again",
        )
    if fate.outcome == "merged" and fate.reason in MERGED_ALIKE:
        raise UsageError(
            f"item {item} of {source} says the same as {fate.record}, which is in the version",
            expected="an item that is missing",
            do="To let repeats count, set weights: repeats in the recipe",
        )
    if fate.step in (SPLIT, FORGET):
        raise _cannot_come_back(fate)
    return add_restore(ws, source, item, person=person, step=fate.step, note=note, digest=_imported(ws, version, fate))


def _cannot_come_back(fate: Fate) -> UsageError:
    """The error for an item whose loss no person's decision on one item can undo."""
    named = f"item {fate.item} of {fate.source}"
    if fate.step == FORGET:
        return UsageError(
            f"{named} was forgotten, and nothing of it is kept",
            expected="an item that was left out and not forgotten",
            do="If its data may be used again, prepare a file that holds it",
        )
    if fate.reason == "held_out":
        return UsageError(
            f"{named} is too close to a held-out record of the shared test set; training on it would leak",
            expected="an item that leaks nothing",
            do="To train on it, prepare its file without test_of: the new version then has a test set of its own",
        )
    return UsageError(
        f"{named} is too close to records of two splits; keeping it would leak",
        expected="an item that leaks nothing",
        do="To take it in, prepare all files together as a version of their own, without extend or test_of: the split "
        "is then made anew",
    )


def trace(ws: Workspace, record: str) -> list[DatasetVersion]:
    """The versions that hold a record, oldest first."""
    return datasets.versions_with(ws, record)


def _fate(ws: Workspace, version: DatasetVersion | str, source: str, item: int) -> Fate | None:
    query = "SELECT * FROM fates WHERE source = ? AND item = ? LIMIT 1"
    ledgers = datasets.addresses(ws, _name(ws, version), "fates")
    found = ws.ledgers.query(query, [source, item], fates=ledgers).to_pylist() if ledgers else []
    return Fate(**found[0]) if found else None


def _imported(ws: Workspace, version: DatasetVersion | str, fate: Fate) -> str | None:
    """The id that the item's record had when it was read, before any step replaced it."""
    ledgers = datasets.addresses(ws, _name(ws, version), "changes")
    record, seen = fate.record, {fate.record}
    while record is not None and ledgers:
        query = "SELECT parent FROM changes WHERE record = ? AND parent != record LIMIT 1"
        found = ws.ledgers.query(query, [record], changes=ledgers)["parent"].to_pylist()
        if not found or found[0] in seen:
            break
        record = found[0]
        seen.add(record)
    return record


def _rows(ws: Workspace, version: DatasetVersion | str, kind: str) -> Iterator[dict[str, Any]]:
    for address in datasets.addresses(ws, _name(ws, version), kind):
        for batch in ws.ledgers.read(address):
            yield from batch.to_pylist()


def _name(ws: Workspace, version: DatasetVersion | str) -> str:
    return version.name if isinstance(version, DatasetVersion) else datasets.version(ws, version).name
