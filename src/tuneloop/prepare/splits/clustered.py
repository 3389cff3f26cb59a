"""Train, validation and test without leakage: what is nearly the same stays on one side.

Records stay together when they share a group key, ask the same question, or are near-duplicates (character n-grams, see
`text.clusters`); the clusters are then dealt out by the shares.  Strata (source, label) are dealt one after the other
in a seeded order, always to the split that is furthest behind, so that each stratum and the whole come out right.

Not covered: paraphrases that share few characters; two questions of one customer without a group key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.bridges import settle
from tuneloop.prepare.split import BRIDGE, FREE, Assignment, Look, SplitTable, Splitter
from tuneloop.records import SPLITS, Advice, Record
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

TRAIN = SPLITS.index("train")
_QUESTION = 6  # characters from which an equal question ties records: 你好 is no question
_AT_MOST = 3  # a third of the records is the most that one cluster may give a split that has none
_LARGE = 0.2  # share of all records from which a cluster is worth a word
_FEW = Words(
    "Only {count} records: all are trained on (from {minimum} on, some are kept for validation and test), so an "
    "evaluation measures recall, not generalization.",
    "只有 {count} 条记录，全部用于训练（达到 {minimum} 条才会留出验证集和测试集），"
    "因此评测衡量的是记忆，而不是泛化能力。",
)
_ONE_SIDED = Words(
    "One cluster holds {count} records ({share} % of all): they are too alike to be on two sides, so they stay "
    "together. If they only share a template, raise `similarity`.",
    "最大的一个簇有 {count} 条记录（占 {share}%）：它们彼此过于相似，只能放在同一侧。"
    "如果只是模板相同，可调高 similarity。",
)
_BRIDGED = Words(
    "{count} new records are close to records of two splits at once and were left out, so that the test set stays "
    "unseen.",
    "有 {count} 条新记录同时与两个划分中的记录相近，已剔除，以免测试集泄漏到训练集。",
)
_NO_WORD = re.compile(r"[\W_]+")


class Clustered(Splitter):
    title = Words("By cluster, without leakage", "按簇划分，防泄漏")
    help = Words(
        "Splits into train, validation and test so that near-duplicates, equal questions and records of one "
        "conversation, customer or document stay on one side; every source and label is spread evenly.",
        "划分为训练、验证、测试三部分：近似重复、相同的问题，以及同一会话、客户或文档的记录只会落在同一侧；"
        "每个来源和标签都均匀分布。",
    )
    figures: ClassVar[Mapping[str, Words]] = {
        "records": Words("Records", "记录数"),
        "clusters": Words("Clusters", "簇数"),
        "clustered": Words("Records in clusters of two or more", "处于两条以上的簇中的记录数"),
        "largest": Words("Records in the largest cluster", "最大簇的记录数"),
        "bridges": Words("Left out as bridges", "因桥接被剔除的记录数"),
    }

    validation: float = setting(0.1, en="share of records for validation", zh="验证集占比", ge=0, le=0.5)
    test: float = setting(0.1, en="share of records for the test", zh="测试集占比", ge=0, le=0.5)
    seed: int = setting(0, en="another number gives another split", zh="随机种子，换一个数得到另一种划分")
    minimum: int = setting(
        30, en="with fewer records than this, all are trained on", zh="记录数少于此值时全部用于训练", ge=0
    )
    similarity: float = setting(
        0.5,
        en="Jaccard index of character n-grams from which two texts stay together",
        zh="字符 n 元组 Jaccard 相似度达到此值的两条文本不拆开",
        gt=0,
        le=1,
    )
    short_similarity: float = setting(
        0.6, en="the same for texts under 15 characters", zh="同上，用于不足 15 个字符的文本", gt=0, le=1
    )

    def look(self, batch: pa.RecordBatch) -> Look:
        """Sketches of the texts without system prompts, which whole data sets share."""
        from tuneloop.text.similarity import Sketches

        records = list(batches.to_records(batch))
        return Look(
            sketches=Sketches.of([said(record) for record in records]),
            ties=[_question(record) for record in records],
            strata=[f"{record.kind}:{record.label}" for record in records],
        )

    def assign(self, table: SplitTable) -> Assignment:
        import numpy as np

        pairs = self._pairs(table)
        places, clusters = settle(len(table.ids), pairs, table.assigned)
        free = np.flatnonzero(places == FREE)
        few = int((places != BRIDGE).sum()) < self.minimum and not (table.assigned > TRAIN).any()
        places[free] = TRAIN if few else self._deal(table, clusters[free], free)
        sizes = np.bincount(clusters[places != BRIDGE], minlength=1)
        figures = {
            "records": len(places),
            "clusters": int((sizes > 0).sum()),
            "clustered": int(sizes[sizes > 1].sum()),
            "largest": int(sizes.max()),
            "bridges": int((places == BRIDGE).sum()),
        }
        return Assignment(places, clusters, figures, self._advice(figures, few))

    def _advice(self, figures: Mapping[str, int], few: bool) -> tuple[Advice, ...]:
        found = []
        if few and figures["records"]:
            found.append(Advice("split", _FEW.format(count=figures["records"], minimum=self.minimum)))
        if figures["largest"] > max(self.minimum, _LARGE * figures["records"]):
            share = round(100 * figures["largest"] / figures["records"])
            found.append(Advice("split", _ONE_SIDED.format(count=figures["largest"], share=share)))
        if figures["bridges"]:
            found.append(Advice("split", _BRIDGED.format(count=figures["bridges"])))
        return tuple(found)

    def _pairs(self, table: SplitTable) -> NDArray[np.int64]:
        """All pairs of rows that must stay together."""
        import numpy as np

        from tuneloop.text.clusters import near_pairs, without_boilerplate

        placed = table.assigned != FREE
        pairs = [_tied(table.ties, placed)]
        if table.sketches is not None:
            order = np.lexsort((table.rows, ~placed[table.rows]))  # old records first, then by id
            texts = without_boilerplate(table.sketches)
            alike = near_pairs(texts, self.similarity, self.short_similarity, order)
            pairs.append(table.rows[alike])
        return np.concatenate(pairs)

    def _deal(self, table: SplitTable, clusters: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int8]:
        """The places of rows that are free; whole clusters at a time."""
        import numpy as np

        names, first, inverse, sizes = np.unique(clusters, return_index=True, return_inverse=True, return_counts=True)
        strata = table.strata[rows[first]]
        keys = [_shuffle(self.seed, bytes(table.ids[name])) for name in names]
        order = sorted(range(len(names)), key=lambda cluster: (strata[cluster], keys[cluster]))
        places = self._dealt(sizes[order].tolist(), table.assigned)
        result = np.empty(len(names), dtype=np.int8)
        result[order] = places
        return result[inverse]

    def _dealt(self, sizes: list[int], assigned: NDArray[np.int8]) -> list[int]:
        """A place for each cluster in turn: the split that is furthest behind its share of the rows dealt so far."""
        import numpy as np

        old = np.bincount(assigned[assigned != FREE], minlength=len(SPLITS)).astype(float)
        shares = np.array([1 - self.validation - self.test, self.validation, self.test])
        wanted = np.maximum(shares * (old.sum() + sum(sizes)) - old, 0)
        wanted /= wanted.sum() or 1
        dealt, places = np.zeros(len(SPLITS)), []
        for size in sizes:
            behind = wanted * (dealt.sum() + size) - dealt
            place = int(behind.argmax())
            dealt[place] += size
            places.append(place)
        return _fill(places, sizes, dealt + old, shares)


def said(record: Record) -> str:
    """What the record says, without system prompts and the label."""
    if record.text is not None:
        return record.text
    return "\n".join(turn.text for turn in record.turns() if turn.role not in ("system", "developer"))


def _question(record: Record) -> list[str]:
    """The question of a dialogue of one turn, folded; none where it says too little to identify anything."""
    asked = [turn.text for turn in record.messages if turn.role == "user"]
    folded = _NO_WORD.sub("", asked[0]).casefold() if len(asked) == 1 else ""
    return [folded] if len(folded) >= _QUESTION else []


def _tied(ties: NDArray[np.int64], placed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pairs of each row with the first row of the same tie, placed rows first."""
    import numpy as np

    if not len(ties):
        return np.empty((0, 2), np.int64)
    ties = ties[np.lexsort((ties[:, 0], ~placed[ties[:, 0]], ties[:, 1]))]
    starts = np.concatenate([[True], ties[1:, 1] != ties[:-1, 1]])
    heads = ties[np.maximum.accumulate(np.where(starts, np.arange(len(ties)), 0)), 0]
    pairs: NDArray[np.int64] = np.stack([heads, ties[:, 0]], axis=1)[~starts]
    return pairs


def _fill(places: list[int], sizes: list[int], totals: NDArray[np.float64], shares: NDArray[np.float64]) -> list[int]:
    """Give the test, then validation, the smallest cluster of train when rounding left them nothing."""
    for place in (2, 1):
        spare = [cluster for cluster, now in enumerate(places) if now == TRAIN]
        if not spare or totals[place] or not shares[place]:
            continue
        smallest = min(spare, key=lambda cluster: sizes[cluster])
        if sizes[smallest] * _AT_MOST <= totals.sum():
            totals[TRAIN] -= sizes[smallest]
            places[smallest] = place
            totals[place] += sizes[smallest]
    return places


def _shuffle(seed: int, raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=8, salt=seed.to_bytes(16, "little", signed=True)).digest()
