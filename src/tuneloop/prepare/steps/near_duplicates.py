"""Merges records that say nearly the same; never two with different labels or different answers.

Alike are two records whose whole text is alike (character n-grams, `text.clusters`) and whose last answers are alike as
well: one question with two answers is a contradiction to be settled by a person, not a duplicate.  Each record merges
into the first one that it is itself alike to, so that a chain of small steps does not end far from where it began.

The summary holds at most 0.8 kB a record: sketches of 96 hashes of the text and 64 of the answer, the row and the id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Merge
from tuneloop.prepare.step import Step, Summary
from tuneloop.records import Record
from tuneloop.records.record import SCHEME
from tuneloop.text.similarity import SHORT, Sketches
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_TEXT, _ANSWER = 96, 64
_ROUNDS = 64  # firsts looked for in one cluster; what is left then stays


class NearDuplicates(Step):
    title = Words("Near duplicates", "近似重复")
    help = Words(
        "Merges records whose texts and answers share most of their character n-grams; the first one stays. Records "
        "with different labels or different answers are never merged.",
        "合并文本和回答的字符 n 元组大部分相同的记录，保留最先出现的一条；标签不同或回答不同的记录不会合并。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "near_duplicate": Words("Says nearly the same as another record", "与另一条记录近似重复")
    }

    similarity: float = setting(
        0.7,
        en="Jaccard index of character n-grams from which two texts are one",
        zh="判为重复的 Jaccard 相似度",
        gt=0,
        le=1,
    )
    short_similarity: float = setting(
        0.9,
        en="the same for texts under 15 characters, where one word makes the difference",
        zh="同上，用于不足 15 个字符的文本：短文本差一个词意思就变了",
        gt=0,
        le=1,
    )

    def observe(self, batch: pa.RecordBatch) -> Alike:
        import numpy as np

        records = list(batches.to_records(batch))
        ids = b"".join(bytes.fromhex(name.removeprefix(SCHEME)) for name in batch.column("id").to_pylist())
        part = _Part(
            Sketches.of([_said(record) for record in records], _TEXT),
            Sketches.of([_answer(record) for record in records], _ANSWER),
            np.array([_number(f"{record.kind}:{record.label}") for record in records], dtype=np.int64),
            batch.column("row").to_numpy(),
            np.frombuffer(ids, dtype="V32"),
        )
        return Alike([part], self.similarity, self.short_similarity)

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        if summary is None:
            return [KEEP] * batch.num_rows
        return [summary.decide(row) for row in batch.column("row").to_pylist()]


class _Part:
    def __init__(
        self,
        texts: Sketches,
        answers: Sketches,
        labels: NDArray[np.int64],
        rows: NDArray[np.int64],
        ids: NDArray[np.void],
    ) -> None:
        self.texts, self.answers, self.labels, self.rows, self.ids = texts, answers, labels, rows, ids


class Alike(Summary):
    """Sketches of all records; once settled, which record each duplicate merges into and how alike they are."""

    def __init__(self, parts: list[_Part], similarity: float, short_similarity: float) -> None:
        self._parts, self._similarity, self._short = parts, similarity, short_similarity
        self._merged: dict[int, tuple[str, float]] = {}

    def merge(self, other: Self) -> None:
        self._parts += other._parts

    def settle(self) -> None:
        import numpy as np

        from tuneloop.text.clusters import components, near_pairs, without_boilerplate

        rows = np.concatenate([part.rows for part in self._parts])
        ids = np.concatenate([part.ids for part in self._parts])
        labels = np.concatenate([part.labels for part in self._parts])
        texts, answers = without_boilerplate(self._taken("texts")), self._taken("answers")
        self._parts = []
        order = np.argsort(rows)
        rank = np.argsort(order)
        clusters = components(len(rows), near_pairs(texts, self._similarity, self._short, order))
        open_ = np.flatnonzero(np.bincount(clusters, minlength=len(rows))[clusters] > 1)
        for _ in range(_ROUNDS):
            if not len(open_):
                break
            first = np.full(len(rows), len(rows))
            np.minimum.at(first, clusters[open_], rank[open_])
            heads = order[first[clusters[open_]]]
            alike = texts.jaccard(open_, heads)
            same = (heads != open_) & (labels[heads] == labels[open_])
            same &= self._enough(texts, open_, heads, alike) & self._enough_answers(answers, open_, heads)
            for row, head, index in zip(open_[same], heads[same], alike[same], strict=True):
                self._merged[int(rows[row])] = (SCHEME + ids[head].tobytes().hex(), float(index))
            open_ = open_[~same & (heads != open_)]

    def _taken(self, name: str) -> Sketches:
        pieces: list[Sketches] = []
        for part in self._parts:
            pieces.append(getattr(part, name))
            setattr(part, name, None)
        return Sketches.gathered(pieces)

    def _enough_answers(
        self, answers: Sketches, left: NDArray[np.int64], right: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        none = (answers.lengths[left] == 0) & (answers.lengths[right] == 0)
        enough: NDArray[np.bool_] = none | self._enough(answers, left, right, answers.jaccard(left, right))
        return enough

    def _enough(
        self, texts: Sketches, left: NDArray[np.int64], right: NDArray[np.int64], alike: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        import numpy as np

        short = np.minimum(texts.lengths[left], texts.lengths[right]) < SHORT
        enough: NDArray[np.bool_] = alike >= np.where(short, self._short, self._similarity)
        return enough

    def decide(self, row: int) -> Decision:
        into = self._merged.get(row)
        return KEEP if into is None else Merge(into[0], "near_duplicate", f"{into[1]:.2f}")


def _number(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little", signed=True)


def _said(record: Record) -> str:
    if record.text is not None:
        return record.text
    return "\n".join(turn.text for turn in record.turns())


def _answer(record: Record) -> str:
    """The last turn, and for a pair the last of both sides; nothing for a text."""
    sides = (record.chosen, record.rejected) if record.kind == "preference" else (record.messages,)
    return "\n".join(side[-1].text for side in sides if side)
