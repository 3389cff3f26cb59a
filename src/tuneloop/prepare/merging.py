"""Several dataset versions as one, so that a model is trained once on all of it.

The first version keeps its splits: its test set stays the test set, and whatever was measured on it can be compared.
The records of the others follow: those that the first holds are in it already, the rest are split like new input, so
that near-duplicates of the first's test records go to the test set, and a record close to two splits is left out
(`bridge`).  No record is written again: the merged version names the ledgers of all, and a new list of members.

A record keeps the weight of the first version that holds it.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tuneloop.errors import UsageError
from tuneloop.prepare.advising import of_counts
from tuneloop.prepare.commit import BRIDGE, MEMBER_ROWS, SCHEME, counts_of
from tuneloop.prepare.extended import Extended
from tuneloop.prepare.split import Splits, Splitter, splits
from tuneloop.records import DatasetVersion, Progress, Split, Watcher, unwatched
from tuneloop.records.canonical import canonical
from tuneloop.registry import spec_of
from tuneloop.runs.stoppable import stoppable
from tuneloop.store import Workspace, datasets

if TYPE_CHECKING:
    from tuneloop.runs import Lease


def merge(
    ws: Workspace,
    names: Sequence[str],
    *,
    split: Splitter | None = None,
    lease: Lease | None = None,
    progress: Watcher = unwatched,
) -> DatasetVersion:
    """The first version with the records of the others added; in the first's scenario.

    Raises `UsageError` for fewer than two different versions, `NotFoundError` for one that is not there.
    """
    versions = [datasets.version(ws, name) for name in names]
    if len({one.id for one in versions}) < len(versions) or len(versions) < 2:
        raise UsageError(f"found {', '.join(names) or 'no version'}", expected="at least two different versions")
    watch = stoppable(lease, progress) if lease else progress
    return _Merge(ws, versions, split or splits.create("clustered"), lease, watch).run()


class _Merge:
    def __init__(
        self,
        ws: Workspace,
        versions: Sequence[DatasetVersion],
        splitter: Splitter,
        lease: Lease | None,
        progress: Watcher,
    ) -> None:
        self.ws, self.versions, self.splitter, self.lease, self.progress = ws, versions, splitter, lease, progress
        self.parts = [Extended(ws, one) for one in versions]
        self.made: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.repeats = 0

    def run(self) -> DatasetVersion:
        placed = self._placed()
        with ExitStack() as stack:
            run = self.lease.run if self.lease else None
            members = stack.enter_context(self.ws.ledgers.writer("members", run))
            identity = hashlib.sha256()
            pending: list[dict[str, Any]] = []
            for record, split, weight in self._members(placed):
                identity.update(f"{record}\t{split}\t{weight!r}\n".encode())
                self.made[split] += 1
                pending.append({"record": record, "split": split, "weight": weight})
                if len(pending) >= MEMBER_ROWS:
                    members.write(pending)
                    pending = []
            members.write(pending)
            pipeline = {"merged": [one.id for one in self.versions], "split": spec_of(self.splitter)}
            identity.update(canonical(pipeline))
            ledgers = self._ledgers(placed, stack)
            return datasets.add_version(
                self.ws,
                id=datasets.own_id(self.ws, SCHEME + identity.hexdigest(), self.versions[0].scenario),
                splits=counts_of(self.made),
                kinds=dict(self.kinds),
                pipeline=pipeline,
                report=self._report(placed),
                ledgers=ledgers | {"members": [members.commit()]},
                scenario=self.versions[0].scenario,
                run=run,
                parent=self.versions[0].name,
                fence=self.lease.fence if self.lease else None,
            )

    def _placed(self) -> Splits:
        """Where every record goes: those of the first version stay."""
        summary, seen = None, 0
        total = sum(one.records for one in self.versions)
        for number, part in enumerate(self.parts):
            for batch, places, _ in part.batches():
                ids = batch.column("id").to_pylist()
                groups = [part.groups.get(one, []) for one in ids]
                tags = [part.tags.get(one, ()) for one in ids]
                strata = [str(number)] * batch.num_rows
                one = self.splitter.observe(batch, groups, strata, places if number == 0 else None, tags)
                summary = one if summary is None else summary + one
                seen += batch.num_rows
                self.progress(Progress("merge", seen, total, "records"))
        return self.splitter.split(summary)

    def _members(self, placed: Splits) -> Iterator[tuple[str, Split, float]]:
        last = ""
        streams = [self._of(number, placed) for number in range(len(self.parts))]
        for record, _, split, weight, kind, language in heapq.merge(*streams):
            if record == last:
                self.repeats += 1
                continue
            last = record
            self.kinds[kind] += 1
            self.languages[language] += 1
            yield record, split, weight

    def _of(self, number: int, placed: Splits) -> Iterator[tuple[str, int, Split, float, str, str]]:
        for batch, _, weights in self.parts[number].batches():
            ids = batch.column("id").to_pylist()
            kinds, languages = batch.column("kind").to_pylist(), batch.column("lang").to_pylist()
            for record, split, weight, kind, tongue in zip(ids, placed.of(ids), weights, kinds, languages, strict=True):
                if split is not None:
                    yield record, number, split, weight, kind, tongue or ""

    def _ledgers(self, placed: Splits, stack: ExitStack) -> dict[str, list[str]]:
        """All ledgers of all versions; the fates of a version whose record was left out are written again."""
        bridges = frozenset(placed.bridges)
        found: dict[str, list[str]] = {}
        for part in self.parts:
            for kind, addresses in part.ledgers().items():
                told = [self._with_bridges(one, bridges, stack) for one in addresses] if kind == "fates" else addresses
                found.setdefault(kind, []).extend(told)
        return {kind: list(dict.fromkeys(addresses)) for kind, addresses in found.items()}

    def _with_bridges(self, address: str, bridges: frozenset[str], stack: ExitStack) -> str:
        if not bridges:
            return address
        writer = stack.enter_context(self.ws.ledgers.writer("fates"))
        dropped = {"outcome": "dropped", "reason": BRIDGE, "step": "split"}
        changed = False
        for batch in self.ws.ledgers.read(address):
            rows = [row | dropped if row["record"] in bridges else row for row in batch.to_pylist()]
            changed = changed or any(row["reason"] == BRIDGE and row["record"] in bridges for row in rows)
            writer.write(rows)
        return writer.commit() if changed else address

    def _report(self, placed: Splits) -> dict[str, Any]:
        return {
            "merged": [{"name": one.name, "records": one.records} for one in self.versions],
            "already_there": self.repeats,
            "bridges": len(placed.bridges),
            "records": sum(self.made.values()),
            "splits": counts_of(self.made),
            "split_figures": dict(placed.figures),
            "kinds": dict(self.kinds),
            "languages": dict(self.languages.most_common()),
            "advice": [
                {"topic": one.topic, "text": one.text._asdict(), "value": one.value}
                for one in (*of_counts(self.made, self.languages), *placed.advice)
            ],
        }
