"""Train, validation and test without leakage: what is nearly the same stays on one side.

Records stay together when they share a group key, ask the same question, or are near-duplicates (character n-grams, see
`text.clusters`); the clusters are then dealt out by the shares (`dealing.py`).  Strata (source, label) are dealt one
after the other in a seeded order, always to the split that is furthest behind, so that each stratum, each tag and the
whole come out right.

Not covered: paraphrases that share few characters; two questions of one customer without a group key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.prepare import batches
from tuneloop.prepare.bridges import settle
from tuneloop.prepare.dealing import TRAIN, ClusterTags, deal
from tuneloop.prepare.split import BRIDGE, FREE, Assignment, Look, SplitTable, Splitter
from tuneloop.records import SPLITS, Advice, Record
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_QUESTION = 6  # characters from which an equal question ties records: 你好 is no question
_SHOWN = 8
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
_UNTESTED = Words(
    "{count} tags have no record in the test set, so an evaluation says nothing about them: {tags}. Ten records of a "
    "tag are enough for one.",
    "有 {count} 个标签在测试集中没有记录，评测无法反映它们的效果：{tags}。一个标签有十条记录就能分到一条。",
)
_NO_WORD = re.compile(r"[\W_]+")


class Clustered(Splitter):
    title = Words("By cluster, without leakage", "按簇划分，防泄漏")
    help = Words(
        "Splits into train, validation and test so that near-duplicates, equal questions and records of one "
        "conversation, customer or document stay on one side; every source, label and tag is spread evenly.",
        "划分为训练、验证、测试三部分：近似重复、相同的问题，以及同一会话、客户或文档的记录只会落在同一侧；"
        "每个来源、类别和标签都均匀分布。",
    )
    figures: ClassVar[Mapping[str, Words]] = {
        "records": Words("Records", "记录数"),
        "clusters": Words("Clusters", "簇数"),
        "clustered": Words("Records in clusters of two or more", "处于两条以上的簇中的记录数"),
        "largest": Words("Records in the largest cluster", "最大簇的记录数"),
        "bridges": Words("Left out as bridges", "因桥接被剔除的记录数"),
        "tags": Words("Tags", "标签数"),
        "untested": Words("Tags without a test record", "测试集中没有记录的标签数"),
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
            ties=[question_tie(record) for record in records],
            strata=[f"{record.kind}:{record.label}" for record in records],
        )

    def assign(self, table: SplitTable) -> Assignment:
        import numpy as np

        pairs = self._pairs(table)
        places, clusters = settle(len(table.ids), pairs, table.assigned)
        free = np.flatnonzero(places == FREE)
        few = int((places != BRIDGE).sum()) < self.minimum and not (table.assigned > TRAIN).any()
        places[free] = TRAIN if few else self._deal(table, clusters[free], free, places)
        sizes = np.bincount(clusters[places != BRIDGE], minlength=1)
        figures = {
            "records": len(places),
            "clusters": int((sizes > 0).sum()),
            "clustered": int(sizes[sizes > 1].sum()),
            "largest": int(sizes.max()),
            "bridges": int((places == BRIDGE).sum()),
        }
        untested: list[str] = []
        if len(table.tags):
            untested = [] if few or not self.test else _untested(table, places)
            figures |= {"tags": len(table.tag_names), "untested": len(untested)}
        return Assignment(places, clusters, figures, self._advice(figures, few, untested))

    def _advice(self, figures: Mapping[str, int], few: bool, untested: Sequence[str]) -> tuple[Advice, ...]:
        found = []
        if few and figures["records"]:
            found.append(Advice("split", _FEW.format(count=figures["records"], minimum=self.minimum)))
        if figures["largest"] > max(self.minimum, _LARGE * figures["records"]):
            share = round(100 * figures["largest"] / figures["records"])
            found.append(Advice("split", _ONE_SIDED.format(count=figures["largest"], share=share)))
        if figures["bridges"]:
            found.append(Advice("split", _BRIDGED.format(count=figures["bridges"])))
        if untested:
            shown = ", ".join(untested[:_SHOWN]) + (" …" if len(untested) > _SHOWN else "")
            found.append(Advice("split", _UNTESTED.format(count=len(untested), tags=shown)))
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

    def _deal(
        self, table: SplitTable, clusters: NDArray[np.int64], rows: NDArray[np.int64], places: NDArray[np.int8]
    ) -> NDArray[np.int8]:
        """The places of rows that are free; whole clusters at a time."""
        import numpy as np

        names, first, inverse, sizes = np.unique(clusters, return_index=True, return_inverse=True, return_counts=True)
        strata = table.strata[rows[first]]
        keys = [_shuffle(self.seed, bytes(table.ids[name])) for name in names]
        tags, rarest = None, np.zeros(len(names), dtype=np.int64)
        if len(table.tags):
            of_rows = np.full(len(table.ids), -1)
            of_rows[rows] = inverse
            tags = ClusterTags.of(table.tags, of_rows, len(names), places)
            rarest = tags.rarest()
        ranks = list(zip(rarest.tolist(), strata.tolist(), keys, strict=True))
        order = sorted(range(len(names)), key=ranks.__getitem__)
        old = np.bincount(table.assigned[table.assigned != FREE], minlength=len(SPLITS)).tolist()
        shares = (1 - self.validation - self.test, self.validation, self.test)
        result = np.empty(len(names), dtype=np.int8)
        result[order] = deal(order, sizes.tolist(), shares, old, tags)
        return result[inverse]


def said(record: Record) -> str:
    """What the record says, without system prompts and the label."""
    if record.text is not None:
        return record.text
    return "\n".join(turn.text for turn in record.turns() if turn.role not in ("system", "developer"))


def question_tie(record: Record) -> list[str]:
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


def _untested(table: SplitTable, places: NDArray[np.int8]) -> list[str]:
    """The tags of which no record is in the test."""
    rows, tags = table.tags[:, 0], table.tags[:, 1]
    tested = set(tags[places[rows] == SPLITS.index("test")].tolist())
    return sorted(name for number, name in table.tag_names.items() if number not in tested)


def _shuffle(seed: int, raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=8, salt=seed.to_bytes(16, "little", signed=True)).digest()
