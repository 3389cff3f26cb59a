"""Where a step strikes: the share of records that it changes or removes, by source, language and tag.

A rule that hits one language, source or tag far more than the others mostly does not understand it.  It is
said when the share there is at least three times that of all others together and the difference is no accident: two
proportions pooled, z of at least 4 (one in 15,000 by chance), one record in twenty struck, and at least 20 there.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

By = Literal["source", "language", "tag"]
TAGS = 100
"""The most tags that are listed of one step, the most struck first."""
SEEN_AT_LEAST = 20
RATE_AT_LEAST = 0.05
TIMES = 3.0
SURE = 4.0


@dataclass(frozen=True)
class Share:
    """`touched` of `seen` records of a source, language or tag were changed or removed; `odd`: far more than others."""

    by: By
    value: str
    seen: int
    touched: int
    odd: bool

    @property
    def rate(self) -> float:
        return self.touched / self.seen if self.seen else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "value": self.value,
            "seen": self.seen,
            "touched": self.touched,
            "rate": round(self.rate, 4),
            "odd": self.odd,
        }


@dataclass
class Spread:
    """One step's counts; `starts` are the first rows of the inputs, filled while they are read."""

    starts: Sequence[int] = ()
    seen: Counter[tuple[By, str]] = field(default_factory=Counter)
    touched: Counter[tuple[By, str]] = field(default_factory=Counter)
    all_seen: int = 0
    all_touched: int = 0

    def count(self, batch: pa.RecordBatch, places: Iterable[int]) -> None:
        """Count a batch as the step got it, and the places in it that it did not simply keep."""
        languages, rows = batch.column("lang").to_pylist(), batch.column("row").to_pylist()
        self.seen.update(("language", one) for one in languages)
        for number, count in self._sources(rows).items():
            self.seen["source", number] += count
        struck = list(places)
        self.all_seen += len(rows)
        self.all_touched += len(struck)
        self.touched.update(("language", languages[place]) for place in struck)
        self.touched.update(("source", self._source(rows[place])) for place in struck)
        if "tags" in batch.schema.names and batch.column("tags").null_count < len(rows):
            tags = batch.column("tags")
            self._count_tags(self.seen, tags)
            self._count_tags(self.touched, tags.take(struck) if struck else tags.slice(0, 0))

    def _count_tags(self, into: Counter[tuple[By, str]], tags: pa.ListArray) -> None:
        import pyarrow.compute as pc

        for one in pc.value_counts(pc.list_flatten(tags)).to_pylist():
            into["tag", one["values"]] += one["counts"]

    def _source(self, row: int) -> str:
        return str(max(bisect_right(self.starts, row), 1))

    def _sources(self, rows: Sequence[int]) -> Counter[str]:
        """Rows rise, so a batch within one input needs one look."""
        if rows and self._source(rows[0]) == self._source(rows[-1]):
            return Counter({self._source(rows[0]): len(rows)})
        return Counter(map(self._source, rows))

    def shares(self, names: Sequence[str]) -> list[Share]:
        """Most struck first; `names` are the inputs'. Nothing when the step touched nothing."""
        if not self.touched:
            return []
        found = []
        for (by, value), seen in self.seen.items():
            touched = self.touched[by, value]
            shown = names[int(value) - 1] if by == "source" and int(value) <= len(names) else value
            found.append(Share(by, shown, seen, touched, self._odd(seen, touched)))
        found.sort(key=lambda one: (one.by, -one.rate, one.value))
        tags = [one for one in found if one.by == "tag"]
        return [one for one in found if one.by != "tag"] + tags[:TAGS]

    def _odd(self, seen: int, touched: int) -> bool:
        other_seen, other_touched = self.all_seen - seen, self.all_touched - touched
        if seen < SEEN_AT_LEAST or other_seen < SEEN_AT_LEAST:
            return False
        here, there = touched / seen, other_touched / other_seen
        pooled = self.all_touched / self.all_seen
        spread = math.sqrt(pooled * (1 - pooled) * (1 / seen + 1 / other_seen))
        return here >= max(RATE_AT_LEAST, TIMES * there) and spread > 0 and (here - there) / spread >= SURE
