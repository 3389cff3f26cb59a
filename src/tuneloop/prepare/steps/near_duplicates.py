"""Merges records that say nearly the same; never two with different labels or, on the level of records, other answers.

Alike are two records of which this is alike (character n-grams, `text.clusters`):

    level: record     the whole text and the last answer: one question with two answers stays
    level: prompt     what is asked, whatever the answers say
    level: answer     the last answer of 15 characters or more, whatever was asked

Each record merges into the best of its cluster that it is itself alike to, so that a chain of small steps does not end
far from where it began.  What is best, `keep` says; a record of a version that is extended always stays, and among
equals the first.  The detail of a merge is the Jaccard index and what decided: `0.83 grade`.

Texts of up to 200 characters with as many numbers, but others, say different things however alike they are: opening
hours of two shops, prices of two phones.  So do texts of up to 400 characters of which one denies what the other says
(`text.opposites`); of a longer dialogue the first 400 of the last answer are looked at, of a longer text nothing.

The summary holds at most 2.2 kB a record, and of one of 80 characters 0.8 kB: sketches of 256 hashes of the text and
64 of the answer, the row, the id, and the text of up to 400 characters, which is read only where
a merge is about to be made and a negation or a number differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Keep, Merge
from tuneloop.prepare.sayings import Sayings
from tuneloop.prepare.step import Step, Summary
from tuneloop.prepare.taught import question
from tuneloop.records import Record
from tuneloop.records.record import SCHEME
from tuneloop.text import mojibake
from tuneloop.text.figures import SHORT_ENOUGH
from tuneloop.text.opposites import LONGEST
from tuneloop.text.similarity import SHORT, Sketches
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_TEXT, _ANSWER = 256, 64
_NO_GRADE = 127  # worse than every grade
_ENDS = frozenset('。！？!?.…”"』」》)）]】}`~;；:：') | {""}
_ROUNDS = 64  # firsts looked for in one cluster; what is left then stays

Level = Literal["record", "prompt", "answer"]


class NearDuplicates(Step):
    title = Words("Near duplicates", "近似重复")
    help = Words(
        "Merges records whose texts and answers share most of their character n-grams; the one of the best source "
        "stays. Records with different labels are never merged, nor, unless `level` says so, those with different "
        "answers.",
        "合并文本和回答的字符 n 元组大部分相同的记录，保留来源等级最好的一条；标签不同的记录不会合并，"
        "回答不同的也不会（除非用 level 指定）。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "near_duplicate": Words("Says nearly the same as another record", "与另一条记录近似重复"),
        "near_prompt": Words("Asks nearly the same as another record", "与另一条记录的问题近似重复"),
        "near_answer": Words("Answers nearly the same as another record", "与另一条记录的回答近似重复"),
    }

    similarity: float = setting(
        0.5,
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

    numbers: int = setting(
        SHORT_ENOUGH,
        en="up to so many characters, texts with as many numbers of other values stay apart; 0: numbers play no part",
        zh="不超过多少字符的文本，数字个数相同而数值不同时不合并；0 表示不看数字",
        ge=0,
    )
    negations: int = setting(
        LONGEST,
        en="up to so many characters, texts that differ in a negation stay apart; 0: negations play no part",
        zh="不超过多少字符的文本，一方肯定、一方否定时不合并；0 表示不看否定词",
        ge=0,
    )
    level: Level = setting(
        "record",
        en="what must be alike: record (question and answer), prompt (the question), answer",
        zh="比较什么：record 问题和回答都相近；prompt 只看问题；answer 只看回答",
    )
    keep: Literal["grade", "first", "longest", "newest"] = setting(
        "grade",
        en="which one stays: grade (of the best source, then without broken text or a cut-off end, then the first), "
        "first, longest, newest (read last)",
        zh="保留哪一条：grade 来源等级最好的（其次无乱码、结尾完整，再次最先出现）；first 最先出现；longest 最长；"
        "newest 最后读到",
    )
    action: Literal["merge", "flag"] = setting(
        "merge", en="merge the repeats, or keep them with a mark", zh="merge：合并重复；flag：保留并标记"
    )

    @property
    def near_only(self) -> bool:
        return self.level == "record"

    def observe(self, batch: pa.RecordBatch) -> Alike:
        import numpy as np

        records = list(batches.to_records(batch))
        look = {"record": _said, "prompt": _asked, "answer": _long_answer}[self.level]
        texts = [look(record) for record in records]
        ids = b"".join(bytes.fromhex(name.removeprefix(SCHEME)) for name in batch.column("id").to_pylist())
        part = _Part(
            Sketches.of(texts, _TEXT),
            Sketches.of([_answer(record) for record in records], _ANSWER) if self.level == "record" else None,
            np.array([_number(f"{record.kind}:{record.label}") for record in records], dtype=np.int64),
            batch.column("row").to_numpy(),
            np.frombuffer(ids, dtype="V32"),
            _standing(batch, records),
            Sayings.of([self._compared(*one) for one in zip(records, texts, strict=True)]),
        )
        return Alike([part], self.similarity, self.short_similarity, self.keep, self.negations, self.numbers)

    def _compared(self, record: Record, text: str) -> str:
        """What is looked at for negations and numbers: the text, or the beginning of the answer of a longer one."""
        longest = max(self.negations, self.numbers)
        return text if len(text) <= longest else _answer(record)[: self.negations]

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        if summary is None:
            return [KEEP] * batch.num_rows
        reason = {"record": "near_duplicate", "prompt": "near_prompt", "answer": "near_answer"}[self.level]
        return [self._decided(summary.merged(row), reason) for row in batch.column("row").to_pylist()]

    def _decided(self, into: tuple[str, float, str] | None, reason: str) -> Decision:
        if into is None:
            return KEEP
        record, index, why = into
        return Merge(record, reason, f"{index:.2f} {why}") if self.action == "merge" else Keep((reason,))


class _Part:
    def __init__(
        self,
        texts: Sketches,
        answers: Sketches | None,
        labels: NDArray[np.int64],
        rows: NDArray[np.int64],
        ids: NDArray[np.void],
        standing: NDArray[np.int16],
        sayings: Sayings,
    ) -> None:
        self.texts, self.answers, self.labels, self.rows, self.ids = texts, answers, labels, rows, ids
        self.standing, self.sayings = standing, sayings


class Alike(Summary):
    """Sketches of all records; once settled, which record each duplicate merges into, how alike, and what decided."""

    def __init__(
        self, parts: list[_Part], similarity: float, short_similarity: float, keep: str, negations: int, numbers: int
    ) -> None:
        self._parts, self._similarity, self._short, self._keep = parts, similarity, short_similarity, keep
        self._negations, self._numbers = negations, numbers
        self._merged: dict[int, tuple[str, float, str]] = {}

    def merge(self, other: Self) -> None:
        self._parts += other._parts

    def settle(self) -> None:
        import numpy as np

        from tuneloop.text.clusters import components, near_pairs, without_boilerplate

        rows = np.concatenate([part.rows for part in self._parts])
        ids = np.concatenate([part.ids for part in self._parts])
        labels = np.concatenate([part.labels for part in self._parts])
        standing = np.concatenate([part.standing for part in self._parts])
        sayings = Sayings.gathered([part.sayings for part in self._parts])
        texts = without_boilerplate(self._taken("texts"))
        answers = None if self._parts[0].answers is None else self._taken("answers")
        self._parts = []
        keys = self._keys(standing, texts, rows)
        order = np.lexsort([key for _, key in reversed(keys)])
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
            same &= self._enough(texts, open_, heads, alike)
            if answers is not None:
                same &= self._enough_answers(answers, open_, heads)
            for place in np.flatnonzero(same):
                same[place] = not sayings.opposed(open_[place], heads[place], self._negations, self._numbers)
            for row, head, index in zip(open_[same], heads[same], alike[same], strict=True):
                why = next(name for name, key in keys if key[row] != key[head])
                self._merged[int(rows[row])] = (SCHEME + ids[head].tobytes().hex(), float(index), why)
            open_ = open_[~same & (heads != open_)]

    def _keys(
        self, standing: NDArray[np.int16], texts: Sketches, rows: NDArray[np.int64]
    ) -> list[tuple[str, NDArray[Any]]]:
        """What decides which of two records stays, the most important first: lower is better."""
        keys: list[tuple[str, NDArray[Any]]] = [("held", standing[:, 0])]
        if self._keep == "grade":
            keys += [("grade", standing[:, 1]), ("quality", standing[:, 2])]
        elif self._keep == "longest":
            keys.append(("longest", -texts.lengths))
        return [*keys, ("newest", -rows) if self._keep == "newest" else ("first", rows)]

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

    def merged(self, row: int) -> tuple[str, float, str] | None:
        """The record that a row merges into, their Jaccard index, and what decided."""
        return self._merged.get(row)


def _standing(batch: pa.RecordBatch, records: Sequence[Record]) -> NDArray[np.int16]:
    """[n, 3] of each record, lower is better: 0 if a version holds it already, the rank of its grade, its faults."""
    import numpy as np

    names = batch.schema.names
    found = np.zeros((len(records), 3), dtype=np.int16)
    found[:, 0] = 0 if "held" in names else 1
    if "grade" in names:
        found[:, 1] = batch.column("grade").fill_null(_NO_GRADE).to_numpy()
    found[:, 2] = [_faults(record) for record in records]
    return found


def _faults(record: Record) -> int:
    """Lost characters count two; an answer or a text of some length that does not end as a sentence does counts one."""
    said = _answer(record) or record.text or ""
    faults = 2 if "\ufffd" in said or mojibake.is_lost(said) else 0
    return faults + (len(said) >= SHORT and said.rstrip()[-1:] not in _ENDS)


def _number(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little", signed=True)


def _said(record: Record) -> str:
    if record.text is not None:
        return record.text
    return "\n".join(turn.text for turn in record.turns())


def _asked(record: Record) -> str:
    """What stands before the last answer, without system prompts; nothing for texts, whose only level is the record."""
    return "\n".join(turn.text for turn in question(record) if turn.role not in ("system", "developer"))


def _long_answer(record: Record) -> str:
    """The last answer, if it is long enough to be a repeat: 好的 is right for many questions."""
    said = _answer(record)
    return said if len(said) >= SHORT else ""


def _answer(record: Record) -> str:
    """The last turn, and for a pair the last of both sides; nothing for a text."""
    sides = (record.chosen, record.rejected) if record.kind == "preference" else (record.messages,)
    return "\n".join(side[-1].text for side in sides if side)
