"""Takes out what a test set holds: a model that was trained on the questions of its test is measured on its memory.

Compared are the test records of the named versions (of all, when none is named) and the named files' records.  A
record is contaminated when

    in_test        its question is nearly a test question (Jaccard index of character n-grams, `text.clusters`)
    overlaps_test  it holds a long piece of a test question or answer word for word (`text.overlap`)

Pieces that stand in more than 5 % of the records (and in at least 50) are templates and count for nothing, and so do
questions under 8 characters after folding: 你好 is nobody's test question.

The split keeps near-duplicates of a version's *own* test set out of its training set; this step is for test sets from
elsewhere, and for earlier versions'.  Not covered: test questions in other words or another language.
Memory: 0.4 kB a record while reading, 0.4 kB and the pieces (8 bytes a character) of each test record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop, Keep
from tuneloop.prepare.step import Step, StepContext, Summary
from tuneloop.prepare.taught import answers
from tuneloop.records import Record
from tuneloop.text.overlap import pieces
from tuneloop.text.similarity import Sketches
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tuneloop.store import Workspace

_SKETCH = 96
_SHORT = 8
_SHARE, _TEMPLATE = 0.05, 50


class Contamination(Step):
    title = Words("Contamination by a test set", "测试集污染")
    help = Words(
        "Takes out records that hold questions of a test set, nearly or in long pieces word for word: a model trained "
        "on its own test is measured on its memory.",
        "去除含有测试题的记录（题目近似，或整段照抄）：训练数据里有测试题，测出来的只是记忆力。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "in_test": Words("Asks nearly what a test asks", "与测试题几乎相同"),
        "overlaps_test": Words("Holds a long piece of a test word for word", "整段包含测试集的内容"),
    }

    against: tuple[str, ...] = setting(
        (),
        en="test sets: versions (data-1) or files; none: the test sets of all versions of the workspace",
        zh="测试集：数据集版本（data-1）或文件路径；留空表示工作区内所有版本的测试集",
    )
    similarity: float = setting(
        0.8, en="similarity from which two questions are one", zh="判为同一题的相似度", gt=0, le=1
    )
    action: Literal["drop", "flag"] = setting(
        "drop", en="drop the record, or keep it with a mark", zh="drop：丢弃记录；flag：保留并标记"
    )

    _sketches: Any = PrivateAttr(None)
    _pieces: Any = PrivateAttr(None)

    def start(self, context: StepContext) -> Self:
        import numpy as np

        names = self.against or _all_versions(context.ws)
        records = [one for name in names for one in _test_records(context.ws, name)]
        ready = self.model_copy()
        ready._sketches = Sketches.of([_question(one) for one in records], _SKETCH)
        ready._pieces = np.unique(pieces([one.full_text for one in records])[0])
        return ready

    def observe(self, batch: pa.RecordBatch) -> Overlaps:
        import numpy as np

        records = list(batches.to_records(batch))
        rows = batch.column("row").to_numpy()
        hashes, owners = pieces([_told(one) for one in records])
        at = np.searchsorted(self._pieces, hashes)
        at = np.minimum(at, max(len(self._pieces) - 1, 0))
        known = self._pieces[at] == hashes if len(self._pieces) else np.zeros(len(hashes), bool)
        hits = np.unique(np.stack([rows[owners[known]], at[known]], axis=1), axis=0)
        return Overlaps([Sketches.of([_question(one) for one in records], _SKETCH)], [rows], [hits], self)

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        found = {} if summary is None else summary.reasons
        return [self._decision(found.get(row)) for row in batch.column("row").to_pylist()]

    def _decision(self, reason: str | None) -> Decision:
        if reason is None:
            return KEEP
        return Drop(reason) if self.action == "drop" else Keep((reason,))


class Overlaps(Summary):
    """Sketches of the questions, and (row, number of a test piece) [m, 2] for the pieces that records share with tests.

    Once settled: the reason for each contaminated row.
    """

    def __init__(
        self,
        sketches: list[Sketches],
        rows: list[NDArray[np.int64]],
        hits: list[NDArray[np.int64]],
        step: Contamination,
    ) -> None:
        self._sketches, self._rows, self._hits, self._step = sketches, rows, hits, step
        self.reasons: dict[int, str] = {}

    def merge(self, other: Self) -> None:
        self._sketches += other._sketches
        self._rows += other._rows
        self._hits += other._hits

    def settle(self) -> None:
        import numpy as np

        from tuneloop.text.clusters import near_pairs

        rows, hits = np.concatenate(self._rows), np.concatenate(self._hits)
        times = np.bincount(hits[:, 1], minlength=1) if len(hits) else np.zeros(1, int)
        template = times > max(_TEMPLATE, _SHARE * len(rows))
        self.reasons = dict.fromkeys(hits[~template[hits[:, 1]], 0].tolist(), "overlaps_test") if len(hits) else {}
        tests = len(self._step._sketches)
        whole = Sketches.gathered([self._step._sketches, *self._sketches])
        pairs = near_pairs(whole, self._step.similarity, max(0.9, self._step.similarity))
        long = whole.lengths >= _SHORT
        for one, two in pairs.tolist():
            test, other = min(one, two), max(one, two)
            if test < tests <= other and long[other]:
                self.reasons[int(rows[other - tests])] = "in_test"
        self._sketches, self._rows, self._hits = [], [], []


def _all_versions(ws: Workspace | None) -> tuple[str, ...]:
    from tuneloop.store import datasets

    return tuple(one.name for one in datasets.versions(ws)) if ws is not None else ()


def _test_records(ws: Workspace | None, name: str) -> Iterator[Record]:
    from tuneloop.prepare.reading import records_of
    from tuneloop.store.datasets import is_version_name

    if ws is None or not is_version_name(name):
        yield from records_of(Path(name))
        return
    from tuneloop.prepare import versions

    for record, _, _ in versions.records(ws, name, "test"):
        yield record


def _question(record: Record) -> str:
    """What is asked; of a text all of it."""
    if record.text is not None:
        return record.text
    return "\n".join(turn.text for turn in record.messages if turn.role in ("user", "tool"))


def _told(record: Record) -> str:
    """Questions and answers, without system prompts, which many records share."""
    if record.text is not None:
        return record.text
    asked = [turn.text for turn in record.messages if turn.role == "user"]
    return "\n".join([*asked, *(turn.text for turn in answers(record))])
