"""How many records a step kept, dropped, merged and replaced, and how long it took: the rows of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tuneloop.prepare.decision import Decision, Drop, Merge, Replace


@dataclass
class Tally:
    """`dropped`, `merged` and `flagged` count records by reason; `edits` counts the edits of replaced records by kind,
    `judged` the questions to a judge model: `asked`, `remembered`, `failed`.

    `seen` = kept + replaced + all dropped + all merged; a flagged record is kept or replaced.
    """

    seen: int = 0
    replaced: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    merged: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def kept(self) -> int:
        """Records that went on unchanged."""
        return self.seen - self.replaced - self.dropped.total() - self.merged.total()

    @classmethod
    def of(cls, seen: int, decisions: Iterable[Decision], seconds: float = 0.0) -> Tally:
        """Count a batch of `seen` records, of which `decisions` names those not simply kept."""
        tally = cls(seen=seen, seconds=seconds)
        for decision in decisions:
            if isinstance(decision, Drop):
                tally.dropped[decision.reason] += 1
            elif isinstance(decision, Merge):
                tally.merged[decision.reason] += 1
            else:
                tally.flagged.update(decision.flags)
            if isinstance(decision, Replace):
                tally.replaced += 1
                tally.edits.update(decision.detail)
        return tally

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.seen + other.seen,
            self.replaced + other.replaced,
            self.dropped + other.dropped,
            self.merged + other.merged,
            self.flagged + other.flagged,
            self.edits + other.edits,
            self.judged + other.judged,
            self.seconds + other.seconds,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports; empty counts are left out."""
        counts = {"dropped": self.dropped, "merged": self.merged, "flagged": self.flagged, "edits": self.edits}
        counts["judged"] = self.judged
        return {
            "seen": self.seen,
            "kept": self.kept,
            "replaced": self.replaced,
            **{name: dict(counter) for name, counter in counts.items() if counter},
            "seconds": round(self.seconds, 3),
        }
