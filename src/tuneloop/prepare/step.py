"""The contract of a cleaning step.

A step decides about every record of a batch.  Most look at one record and implement `decide_one`; one that can decide
from the promoted columns alone overrides `decide` and never parses a payload.  A step that must know the whole set
first implements `observe` as well: it makes a `Summary` of each batch, summaries are merged in any order, and `decide`
then gets the whole.  `apply` belongs to the base: it runs the decisions, carries them out on the batch, counts, times.

    step = step.start(StepContext(secret))
    summary = step.summarize(batches)                        # None for a step that decides batch by batch
    for batch in batches:
        outcome = step.apply(batch, summary)                 # outcome.batch goes to the next step

A step holds no open files and pickles, and batches are Arrow (`batches.py`; further columns travel along), so the same
object works in a process pool and on Ray Data.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop, Merge, Replace
from tuneloop.prepare.tally import Tally
from tuneloop.records import Advice, Record
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

if TYPE_CHECKING:
    import pyarrow as pa

    from tuneloop.store import Workspace


@dataclass(frozen=True)
class StepContext:
    """What a step may need from the workspace: itself, for steps that compare with what it holds, and a secret.

    `secret` makes pseudonyms: the workspace's key where there is one, else a salt kept in the workspace.  The same
    secret gives the same pseudonym for the same value, in every import.
    """

    secret: bytes = b""
    ws: Workspace | None = None


class Summary(ABC):
    """What a whole-set step has seen of some batches."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Take in what another summary has seen; the order of merging must not matter."""

    @abstractmethod
    def settle(self) -> None:
        """Called once, when everything is in, before the first decision."""


@dataclass(frozen=True)
class Outcome:
    """What a step did to one batch.

    `batch` goes on to the next step; `decided` holds (place in the batch, decision) of all but the plainly kept.
    """

    batch: pa.RecordBatch
    decided: tuple[tuple[int, Decision], ...]
    tally: Tally


class Step(Member):
    """`reasons` gives, for each code of a Drop, Merge or flag, the sentence that a person reads.

    `private` says that what the step replaces is personal: the record before must be kept only encrypted.
    """

    reasons: ClassVar[Mapping[str, Words]] = {}
    private: ClassVar[bool] = False

    def start(self, context: StepContext) -> Self:
        """The step made ready for work; most need nothing."""
        return self

    def concerns(self, payload: str) -> bool:
        """A cheap look at the canonical JSON before it is parsed: False means that the record is kept as it is."""
        return True

    def decide_one(self, record: Record) -> Decision:
        raise NotImplementedError(f"{type(self).__name__} must implement decide_one or decide")

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        """One decision for each row of the batch, in order."""
        return [
            self.decide_one(batches.to_record(payload)) if self.concerns(payload.decode("utf-8")) else KEEP
            for payload in batch.column("payload").to_pylist()
        ]

    def observe(self, batch: pa.RecordBatch) -> Summary | None:
        """What must be known of the batch before anything can be decided; None for most steps."""
        return None

    @property
    def near_only(self) -> bool:
        """Does it compare only records that say nearly the same?  Then it need not observe all of a large version."""
        return False

    @property
    def whole_set(self) -> bool:
        """Must every batch be observed before the first is decided?"""
        return type(self).observe is not Step.observe

    def judged(self, summary: Any = None) -> Mapping[str, int]:
        """What was asked of a judge model since this was last called, for the tally; nothing in most steps."""
        return {}

    def advise(self, tally: Tally) -> Iterable[Advice]:
        """What a person should think about, of what was done to all records; nothing in most steps."""
        return ()

    def summarize(self, all_batches: Iterable[pa.RecordBatch]) -> Summary | None:
        """Observe all batches one after the other; None when the step needs no summary."""
        if not self.whole_set:
            return None
        whole: Summary | None = None
        for batch in all_batches:
            part = self.observe(batch)
            if whole is None:
                whole = part
            elif part is not None:
                whole.merge(part)
        if whole is not None:
            whole.settle()
        return whole

    def apply(self, batch: pa.RecordBatch, summary: Any = None) -> Outcome:
        """Decide about a batch and carry it out; rows that are dropped or merged are missing from the result."""
        started = time.perf_counter()
        decisions = self.decide(batch, summary)
        if len(decisions) != batch.num_rows:
            raise ValueError(f"{type(self).__name__} made {len(decisions)} decisions for {batch.num_rows} records")
        decided = tuple((index, decision) for index, decision in enumerate(decisions) if decision != KEEP)
        for _, decision in decided:
            self._check(decision)
        result = _carry_out(batch, decided)
        tally = Tally.of(batch.num_rows, (decision for _, decision in decided), time.perf_counter() - started)
        tally.judged.update(self.judged(summary))
        return Outcome(result, decided, tally)

    def _check(self, decision: Decision) -> None:
        codes = (decision.reason,) if isinstance(decision, Drop | Merge) else decision.flags
        for code in codes:
            if code not in self.reasons:
                raise ValueError(f"{type(self).__name__} gave {code!r}, which it does not declare in reasons")


def _carry_out(batch: pa.RecordBatch, decided: tuple[tuple[int, Decision], ...]) -> pa.RecordBatch:
    import pyarrow as pa

    gone = {index for index, decision in decided if isinstance(decision, Drop | Merge)}
    replaced = {index: decision.record for index, decision in decided if isinstance(decision, Replace)}
    if replaced:
        batch = batches.with_records(batch, replaced)
    if gone:
        batch = batch.filter(pa.array([index not in gone for index in range(batch.num_rows)]))
    return batch


steps = Registry("tuneloop.prepare.steps", Step)
