"""Cleaning: the steps run over the imported records, in as few passes as they allow.

A step that must see the whole set ends a pass: while its input is laid aside, it observes; it decides at the beginning
of the next pass.  All other steps run batch by batch in between.  Every decision is written down: what was dropped or
merged ends its item, what was replaced keeps its original.

`given` are the records of a version that is extended, all or those near to what a spill holds: steps observe them, so
that a new repeat merges into an old record, and never decide about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuneloop.prepare import batches
from tuneloop.prepare.decision import Drop, Keep, Merge, Replace
from tuneloop.prepare.importer import EXCERPT
from tuneloop.prepare.originals import Originals
from tuneloop.prepare.outcomes import Outcomes
from tuneloop.prepare.spill import Spill, SpillFolder
from tuneloop.prepare.spread import Spread
from tuneloop.prepare.step import Step
from tuneloop.prepare.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = 20


@dataclass
class Pipeline:
    """`spared` holds, by row, the steps whose decision a person overruled (an empty name: every step's).

    `starts` are the first rows of the inputs, filled while they are read; `look` is told how many records of a later
    pass are done, of how many, and raises `StoppedError` when a person stopped the run.
    """

    steps: Sequence[Step]
    folder: SpillFolder
    outcomes: Outcomes
    originals: Originals
    spared: dict[int, set[str]] = field(default_factory=dict)
    given: Callable[[Spill | None], Iterable[pa.RecordBatch]] = lambda near: ()
    hide: Callable[[str], str] = str
    look: Callable[[int, int], None] = lambda done, total: None
    starts: list[int] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    examples: list[dict[str, str]] = field(default_factory=list)
    _shown: Counter[str] = field(default_factory=Counter)

    def run(self, imported: Iterator[pa.RecordBatch]) -> Spill:
        """The records that stay, by rising row."""
        self.tallies = [Tally() for _ in self.steps]
        self.spreads = [Spread(self.starts) for _ in self.steps]
        summaries: dict[int, Any] = {}
        done, stream = 0, imported
        while True:
            whole = next((at for at in range(done, len(self.steps)) if self._needs_all(at, summaries)), None)
            end = len(self.steps) if whole is None else whole
            spill = self._pass(stream, range(done, end), summaries, whole)
            if whole is None:
                return spill
            done, stream = whole, self._followed(spill)

    def _needs_all(self, at: int, summaries: dict[int, Any]) -> bool:
        return self.steps[at].whole_set and at not in summaries

    def _pass(
        self, stream: Iterable[pa.RecordBatch], through: range, summaries: dict[int, Any], whole: int | None
    ) -> Spill:
        """Take every batch `through` some steps and lay it aside; the step at `whole` observes what comes out."""
        spill, ends = self.folder.new(batches.wide_schema()), self.outcomes.new_pass()
        observer = _Observer(self.steps[whole]) if whole is not None else None
        for batch in stream:
            ended: list[tuple[int, Drop | Merge, str, str, str]] = []
            for at in through:
                batch = self._apply(at, batch, summaries.get(at), ended)
            for row, decision, step, record, text in sorted(ended, key=lambda one: one[0]):
                if isinstance(decision, Drop):
                    ends.drop(row, decision.reason, step, record, decision.detail, text)
                else:
                    ends.merge(row, decision.reason, step, decision.into, decision.detail, text)
            if batch.num_rows:
                spill.write(batch)
                if observer is not None:
                    observer.see(batch)
        ends.close()
        spill.close()
        if observer is not None and whole is not None:
            for batch in self.given(spill if self.steps[whole].near_only else None):
                observer.see(batch)
            summaries[whole] = observer.settled()
        return spill

    def _followed(self, spill: Spill) -> Iterator[pa.RecordBatch]:
        """What a pass laid aside, for the next one, which is told of and can be stopped after each batch."""
        done = 0
        for batch in spill.read():
            self.look(done, spill.rows)
            yield batch
            done += batch.num_rows
        spill.remove()

    def _apply(self, at: int, batch: pa.RecordBatch, summary: Any, ended: list[Any]) -> pa.RecordBatch:
        step = self.steps[at]
        if not batch.num_rows:
            return batch
        batch, kept_aside = self._set_spared_aside(step, batch)
        outcome = step.apply(batch, summary)
        self.tallies[at] += outcome.tally
        self.spreads[at].count(batch, [place for place, decision in outcome.decided if not isinstance(decision, Keep)])
        rows, ids, payloads = (batch.column(name) for name in ("row", "id", "payload"))
        for index, decision in outcome.decided:
            parent, before = ids[index].as_py(), payloads[index].as_py()
            if isinstance(decision, Replace):
                counts = ", ".join(f"{kind} {count}" for kind, count in decision.detail.items())
                self.originals.add(decision.record.id, parent, step.name, counts, before)
                if self._shown[step.name] < EXAMPLES:
                    told = self.hide(batches.to_record(before).full_text), self.hide(decision.record.full_text)
                    self._example(step, "changed", *_around_change(*told))
            elif isinstance(decision, Drop | Merge):
                text = self.excerpt(before)
                self._example(step, decision.reason, text, "")
                ended.append((rows[index].as_py(), decision, step.name, parent, text))
                if isinstance(decision, Drop) or decision.into != parent:
                    self.originals.add(parent, parent, step.name, decision.reason, before)
                if isinstance(decision, Merge) and decision.into != parent:
                    self.originals.follow(parent, decision.into)
        return _together(outcome.batch, kept_aside)

    def excerpt(self, payload: bytes) -> str:
        """The beginning of a record's text, for what became of its item; personal data hidden where a step hides it."""
        return self.hide(batches.to_record(payload).full_text)[:EXCERPT]

    def _set_spared_aside(self, step: Step, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
        if not self.spared:
            return batch, None
        import pyarrow as pa

        mask = [bool(self.spared.get(row, set()) & {step.name, ""}) for row in batch.column("row").to_pylist()]
        if not any(mask):
            return batch, None
        return batch.filter(pa.array([not one for one in mask])), batch.filter(pa.array(mask))

    def _example(self, step: Step, reason: str, before: str, after: str) -> None:
        """The first records that a step changed or removed, for the report, personal data hidden."""
        if self._shown[step.name] < EXAMPLES:
            self._shown[step.name] += 1
            self.examples.append({"step": step.name, "reason": reason, "before": before, "after": after})


def _around_change(before: str, after: str) -> tuple[str, str]:
    """Both texts from a little before the first difference on."""
    same = next((at for at, (one, two) in enumerate(zip(before, after, strict=False)) if one != two), 0)
    start = max(0, same - EXCERPT // 4) if same > EXCERPT // 2 else 0
    lead = "…" if start else ""
    return lead + before[start : start + EXCERPT], lead + after[start : start + EXCERPT]


class _Observer:
    """Gathers the summary of a whole-set step."""

    def __init__(self, step: Step) -> None:
        self.step: Step = step
        self._whole: Any = None

    def see(self, batch: pa.RecordBatch) -> None:
        part: Any = self.step.observe(batch)
        if self._whole is None:
            self._whole = part
        elif part is not None:
            self._whole.merge(part)

    def settled(self) -> Any:
        if self._whole is not None:
            self._whole.settle()
        return self._whole


def _together(batch: pa.RecordBatch, aside: pa.RecordBatch | None) -> pa.RecordBatch:
    if aside is None:
        return batch
    import pyarrow as pa

    table = pa.Table.from_batches([batch, aside]).sort_by("row").combine_chunks()
    return table.to_batches()[0]
