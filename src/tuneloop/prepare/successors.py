"""What a record that others merged into became later: replaced by a step, merged itself, dropped, or as it was.

Only merge targets are followed, so memory grows with what was merged and not with the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Successors:
    """`next` leads from a record's id to what took its place; `ended` names the step and reason that dropped it."""

    next: dict[str, str] = field(default_factory=dict)
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)

    def last(self, record: str) -> str:
        """The id at the end of the chain."""
        seen = {record}
        while (after := self.next.get(record, record)) not in seen:
            seen.add(after)
            record = after
        return record

    def dropped(self, record: str) -> tuple[str, str] | None:
        """(reason, step) when the record at the end of the chain was dropped."""
        return self.ended.get(self.last(record))


def follow(outcomes: Iterable[pa.RecordBatch], replaced: Iterable[tuple[str, str]]) -> Successors:
    """Collect the successors of all merge targets.

    `replaced` gives (parent, record) of all that was replaced or merged, in the order in which it was.
    """
    found = Successors()
    targets: set[str] = set()
    dropped: list[tuple[str, str, str]] = []
    for batch in outcomes:
        for outcome, reason, step, record in zip(
            *(batch.column(name).to_pylist() for name in ("outcome", "reason", "step", "record")), strict=True
        ):
            if outcome == "merged":
                targets.add(record)
            elif outcome == "dropped":
                dropped.append((record, reason, step))
    if not targets:
        return found
    for parent, record in replaced:
        if parent in targets:
            found.next[parent] = record
            targets.add(record)
    found.ended = {record: (reason, step) for record, reason, step in dropped if record in targets}
    return found


def repeats(outcomes: Iterable[pa.RecordBatch], successors: Successors) -> Counter[str]:
    """How many items merged into each record."""
    found: Counter[str] = Counter()
    for batch in outcomes:
        for outcome, record in zip(
            batch.column("outcome").to_pylist(), batch.column("record").to_pylist(), strict=True
        ):
            if outcome == "merged":
                found[successors.last(record)] += 1
    return found
