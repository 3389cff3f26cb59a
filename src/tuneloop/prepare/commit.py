"""The last pass: records in the order of their ids, each once, with split and weight, become a dataset version.

Ledgers are written first; the row that makes the version visible comes last, in one transaction.  A process killed
before it leaves nothing that anybody sees.
"""

from __future__ import annotations

import hashlib
import heapq
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuneloop.prepare.extended import Extended
from tuneloop.prepare.outcomes import SPLIT, Outcomes
from tuneloop.prepare.pipeline import Pipeline
from tuneloop.prepare.sorting import by_id
from tuneloop.prepare.spill import Cursor, Spill, SpillFolder
from tuneloop.prepare.split import Splits
from tuneloop.prepare.successors import Successors
from tuneloop.records import SPLITS
from tuneloop.records.canonical import canonical
from tuneloop.store.ledgers import LedgerWriter

if TYPE_CHECKING:
    import pyarrow as pa

SCHEME, TEST_SCHEME = "d1:", "t1:"
SAME_RECORD, ALREADY_THERE, BRIDGE = "same_record", "already_there", "bridge"
MEMBER_ROWS = 4096


@dataclass
class Membership:
    """What the members of the new version come to; `id` is its identity, `test_set` that of its test records."""

    id: str = ""
    test_set: str = ""
    splits: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    lengths: array[int] = field(default_factory=lambda: array("q"))
    merged: dict[int, str] = field(default_factory=dict)


@dataclass
class Members:
    """Writes the ledgers `records` and `members`.

    `counts` holds how many more items stand behind a record, for weights by repeats; None: all weigh one.
    """

    extended: Extended
    splits: Splits
    records: LedgerWriter
    members: LedgerWriter
    counts: Mapping[str, int] | None = None
    made: Membership = field(default_factory=Membership)

    def write(self, final: Spill, folder: SpillFolder, pipeline: Mapping[str, Any]) -> Membership:
        identity, tested = hashlib.sha256(), hashlib.sha256()
        for batch in self._batches(final, folder):
            identity.update(identity_lines(batch))
            for split, count in zip(*_counted(batch.column("split")), strict=True):
                self.made.splits[split] += count
            tested.update(_test_lines(batch))
            self.members.write_batch(batch)
        identity.update(canonical(dict(pipeline)))
        self.made.id, self.made.test_set = SCHEME + identity.hexdigest(), TEST_SCHEME + tested.hexdigest()
        return self.made

    def _batches(self, final: Spill, folder: SpillFolder) -> Iterator[pa.RecordBatch]:
        """All members by rising id: old ones by columns where the version that is extended is large."""
        if not self.extended.dwarfs(final.rows):
            pending: list[tuple[str, str, float]] = []
            for one in heapq.merge(self._old(), self._new(final, folder)):
                pending.append(one)
                if len(pending) >= MEMBER_ROWS:
                    yield _as_batch(pending)
                    pending = []
            if pending:
                yield _as_batch(pending)
            return
        for columns in self.extended.columns():
            self._count(columns)
        fresh = list(self._new(final, folder))
        at = 0
        for batch in self.extended.members():
            last, start = batch.column("record")[-1].as_py(), at
            while at < len(fresh) and fresh[at][0] < last:
                at += 1
            yield _merged(batch, _as_batch(fresh[start:at])) if at > start else batch
        if at < len(fresh):
            yield _as_batch(fresh[at:])

    def _old(self) -> Iterator[tuple[str, str, float]]:
        for batch, places, weights in self.extended.batches():
            self._count(batch)
            yield from zip(batch.column("id").to_pylist(), places, weights, strict=True)

    def _new(self, final: Spill, folder: SpillFolder) -> Iterator[tuple[str, str, float]]:
        """The new members; their records are written on the way."""
        last = ""
        for table in by_id(final, folder):
            alike = self._repeats(table)
            for batch in table.to_batches(max_chunksize=MEMBER_ROWS):
                ids, rows = batch.column("id").to_pylist(), batch.column("row").to_pylist()
                old, places = self._are_old(ids), self.splits.of(ids)
                keep: list[bool] = []
                for one, row, known, split in zip(ids, rows, old, places, strict=True):
                    if one == last or known:
                        self.made.merged[row] = SAME_RECORD if one == last and not known else ALREADY_THERE
                    keep.append(one != last and not known and split is not None)
                    last = one
                yield from self._keep(batch, keep, places, alike)

    def _repeats(self, table: pa.Table) -> dict[str, int]:
        """How many more rows of the same id there are, of those that have any."""
        if self.counts is None:
            return {}
        found = Counter(table["id"].to_pylist())
        return {one: count - 1 for one, count in found.items() if count > 1}

    def _keep(
        self, batch: pa.RecordBatch, keep: list[bool], places: list[Any], alike: Mapping[str, int]
    ) -> Iterator[tuple[str, str, float]]:
        import pyarrow as pa

        kept = batch.filter(pa.array(keep, pa.bool_()))
        self._count(kept)
        self.records.write_batch(kept.select(self.records.schema.names).cast(self.records.schema))
        splits = [place for place, wanted in zip(places, keep, strict=True) if wanted]
        for one, split in zip(kept.column("id").to_pylist(), splits, strict=True):
            yield one, split, 1.0 if self.counts is None else float(1 + self.counts.get(one, 0) + alike.get(one, 0))

    def _are_old(self, ids: list[str]) -> list[bool]:
        import numpy as np

        old = self.extended.ids
        if not len(old):
            return [False] * len(ids)
        wanted = np.array(ids, dtype=old.dtype)
        at = np.minimum(np.searchsorted(old, wanted), len(old) - 1)
        return [bool(one) for one in old[at] == wanted]

    def _count(self, batch: pa.RecordBatch) -> None:
        self.made.kinds.update(batch.column("kind").to_pylist())
        self.made.languages.update(batch.column("lang").to_pylist())
        self.made.lengths.extend(batch.column("length").to_pylist())


def _as_batch(rows: Sequence[tuple[str, str, float]]) -> pa.RecordBatch:
    import pyarrow as pa

    from tuneloop.store.ledgers import schema

    wanted = schema("members")
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, wanted, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _merged(one: pa.RecordBatch, two: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.Table.from_batches([one, two.cast(one.schema)]).sort_by("record").combine_chunks().to_batches()[0]


def _counted(column: pa.Array) -> tuple[list[str], list[int]]:
    import pyarrow.compute as pc

    found = pc.value_counts(column)
    return found.field("values").to_pylist(), found.field("counts").to_pylist()


def _test_lines(members: pa.RecordBatch) -> bytes:
    import pyarrow.compute as pc

    tested = members.filter(pc.equal(members.column("split"), "test")).column("record").to_pylist()
    return "".join(f"{one}\n" for one in tested).encode()


def identity_lines(members: pa.RecordBatch) -> memoryview:
    """What members add to the identity of their version: for each the line `record TAB split TAB weight`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not members.num_rows:
        return memoryview(b"")
    weights = members.column("weight").dictionary_encode()
    written = pa.array([repr(one) for one in weights.dictionary.to_pylist()]).take(weights.indices)
    lines = pc.binary_join_element_wise(members.column("record"), members.column("split"), written, "\t")
    whole = pc.binary_join_element_wise(lines, "", "\n")
    _, offsets, content = whole.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[whole.offset : whole.offset + len(whole) + 1]
    return memoryview(content)[int(ends[0]) : int(ends[-1])]


def end_items(final: Spill, outcomes: Outcomes, splits: Splits, merged: Mapping[int, str], pipeline: Pipeline) -> None:
    """Write down the end of every item that came through all steps: kept, merged at last, or left out by the split.

    What the split left out is in no version, so its text is kept as that of what a step dropped.
    """
    ends = outcomes.new_pass()
    for batch in final.read():
        ids, rows = batch.column("id").to_pylist(), batch.column("row").to_pylist()
        for place, (row, one, split) in enumerate(zip(rows, ids, splits.of(ids), strict=True)):
            if row in merged:
                ends.merge(row, merged[row], "version", one)
            elif split is None:
                why, payload = splits.why_out(one), batch.column("payload")[place].as_py()
                ends.drop(row, why, SPLIT, one, excerpt=pipeline.excerpt(payload))
                pipeline.originals.add(one, one, SPLIT, why, payload)
            else:
                ends.keep(row, one)
    ends.close()


@dataclass
class Ledgers:
    """Writes the ledgers `fates` and `origins` from the items and their ends, and counts them for the report."""

    fates: LedgerWriter
    origins: LedgerWriter
    successors: Successors
    sources: list[str]
    offsets: list[int]
    licences: Sequence[str | None]
    times: Sequence[Callable[[str], str | None]]
    counts: list[Counter[str]] = field(default_factory=list)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)

    def write(self, outcomes: Outcomes, items: Spill, tagged: Spill) -> None:
        self.counts = [Counter() for _ in self.sources]
        cursor = Cursor(tagged)
        for chunk, ends in outcomes.together(items):
            rows = [
                {**item, **self._settled(end), "input": item["input"]}
                for item, end in zip(chunk.to_pylist(), ends.to_pylist(), strict=True)
            ]
            known = cursor.below(rows[-1]["row"] + 1)
            tags = dict(zip(known["row"].to_pylist(), known["tags"].to_pylist(), strict=True))
            for row in rows:
                self._note(row)
            self.fates.write([self._fate(row) for row in rows])
            self.origins.write([self._origin(row, tags.get(row["row"])) for row in rows if row["record"] is not None])

    def _settled(self, end: dict[str, Any]) -> dict[str, Any]:
        """A merged item ends where its record ended: in what took its place, or dropped with it."""
        if end["outcome"] != "merged":
            return end
        gone = self.successors.dropped(end["record"])
        if gone is None:
            return {**end, "record": self.successors.last(end["record"])}
        return {**end, "outcome": "dropped", "reason": gone[0], "step": gone[1]}

    def _note(self, row: dict[str, Any]) -> None:
        self.counts[row["input"]][row["outcome"]] += 1
        if row["outcome"] == "kept":
            return
        self.reasons[row["outcome"], row["step"], row["reason"]] += 1
        shown = self.examples.setdefault((row["outcome"], row["reason"]), [])
        if len(shown) < 5:
            shown.append(
                {"where": f"{row['file']}, {row['locator']}", "message": row["message"], "excerpt": row["excerpt"]}
            )

    def _fate(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "source": self.sources[row["input"]],
            "item": row["item"] + self.offsets[row["input"]],
            "locator": row["locator"],
            **{name: row[name] for name in ("outcome", "reason", "step", "record", "message", "excerpt")},
            "imported": row["imported"] or None,
        }

    def _origin(self, row: dict[str, Any], tags: list[str] | None) -> dict[str, Any]:
        return {
            "record": row["record"],
            "source": self.sources[row["input"]],
            "item": row["item"] + self.offsets[row["input"]],
            "licence": self.licences[row["input"]],
            "time": self.times[row["input"]](row["file"]),
            "tags": tags,
            **{name: row[name] for name in ("file", "locator", "subject", "group")},
        }


def counts_of(splits: Mapping[str, int]) -> dict[str, int]:
    return {split: splits.get(split, 0) for split in SPLITS}
