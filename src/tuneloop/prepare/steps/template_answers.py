"""Finds answers given word for word to many different questions: templates teach a model to stop listening."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop
from tuneloop.prepare.folding import folded
from tuneloop.prepare.step import Step, Summary
from tuneloop.prepare.taught import answers, question
from tuneloop.records import Record
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class TemplateAnswers(Step):
    """Looks at the last answer of dialogues. Memory: 32 bytes a record while reading."""

    title = Words("Template answers", "套话回答")
    help = Words(
        "Finds one long answer given to many different questions, keeps it for the first of them and drops the others. "
        "Short answers (yes, a class name) are right for many questions and stay.",
        "找出被一字不差地用来回答许多不同问题的长回答：保留最先出现的几条，其余丢弃。短回答（“可以”、类别名）本来就会重复，不受影响。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "template_answer": Words("The same answer is given to many questions", "同一个回答用在许多不同的问题上")
    }

    questions: int = setting(
        5, en="different questions from which an answer is a template", zh="用于多少个不同问题时算套话", ge=2
    )
    keep: int = setting(1, en="records of each template that stay", zh="每句套话保留几条", ge=0)
    minimum: int = setting(15, en="characters from which an answer is looked at", zh="多少字符以上的回答才检查", ge=1)

    def observe(self, batch: pa.RecordBatch) -> Told:
        import numpy as np

        told = [self._digests(record) for record in batches.to_records(batch)]
        rows = batch.column("row").to_numpy()
        chosen = [place for place, one in enumerate(told) if one]
        digests = np.frombuffer(b"".join(told), dtype=np.uint64).reshape(-1, 2)
        return Told([(digests, rows[chosen])], self.questions, self.keep)

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        if summary is None:
            return [KEEP] * batch.num_rows
        return [summary.decide(row) for row in batch.column("row").to_pylist()]

    def _digests(self, record: Record) -> bytes:
        """64 bits of the answer and of the question; nothing where there is no answer of that length."""
        if record.kind != "chat":
            return b""
        plain = folded(record)
        said = [turn.text for turn in answers(plain)]
        if not said or len(said[-1]) < self.minimum:
            return b""
        asked = "\0".join(turn.text for turn in question(plain) if turn.role != "system")
        return b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in (said[-1], asked))


class Told(Summary):
    """(answer, question) digests [n, 2] uint64 and rows [n] per batch; once settled, a count for each row too many."""

    def __init__(self, parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]], questions: int, keep: int) -> None:
        self._parts, self._questions, self._keep = parts, questions, keep
        self._surplus: dict[int, int] = {}

    def merge(self, other: Self) -> None:
        self._parts += other._parts

    def settle(self) -> None:
        import numpy as np

        digests = np.concatenate([part[0] for part in self._parts])
        rows = np.concatenate([part[1] for part in self._parts])
        self._parts = []
        pairs = np.unique(digests, axis=0)
        told, counts = np.unique(pairs[:, 0], return_counts=True)
        often = counts >= self._questions
        templates = dict(zip(told[often].tolist(), counts[often].tolist(), strict=True))
        kept = dict.fromkeys(templates, 0)
        order = np.argsort(rows)
        for row, answer in zip(rows[order].tolist(), digests[order, 0].tolist(), strict=True):
            if answer not in templates:
                continue
            kept[answer] += 1
            if kept[answer] > self._keep:
                self._surplus[row] = templates[answer]

    def decide(self, row: int) -> Decision:
        count = self._surplus.get(row)
        return KEEP if count is None else Drop("template_answer", f"{count} questions")
