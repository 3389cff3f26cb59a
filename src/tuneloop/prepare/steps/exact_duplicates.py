"""Merges records that say the same: of equal ones the first in source order stays.

Equal means equal after `folded`: white space at the ends of texts and of lines plays no part, nor does the form of line
breaks and of composed letters; everything else does, the answer, the label and the weights included.

While the set is read, the summary holds 56 bytes a record (128 bits of SHA-256, the row, the id), and afterwards only
one entry for each set of equals.  Among 10^9 records two different ones are taken for equal with probability 10^-21.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tuneloop.prepare.decision import KEEP, Decision, Merge
from tuneloop.prepare.folding import folded_payload
from tuneloop.prepare.step import Step, Summary
from tuneloop.records.record import SCHEME
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class ExactDuplicates(Step):
    title = Words("Exact duplicates", "完全重复")
    help = Words(
        "Merges records whose contents are equal but for white space at the ends of lines; the first one stays and "
        "keeps all sources. Different answers to one question are not duplicates.",
        "合并内容完全相同的记录（忽略行首尾空白）；保留最先出现的一条，并记住全部来源。同一问题的不同回答不算重复。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "exact_duplicate": Words("Says exactly the same as another record", "与另一条记录完全相同")
    }

    @property
    def near_only(self) -> bool:
        return True

    def observe(self, batch: pa.RecordBatch) -> Seen:
        import numpy as np

        ids = b"".join(bytes.fromhex(name.removeprefix(SCHEME)) for name in batch.column("id").to_pylist())
        return Seen([(_digests(batch), batch.column("row").to_numpy(), np.frombuffer(ids, dtype="V32"))])

    def decide(self, batch: pa.RecordBatch, summary: Any = None) -> Sequence[Decision]:
        if summary is None:
            return [KEEP] * batch.num_rows
        firsts = summary.firsts(_digests(batch), batch.column("row").to_numpy())
        return [KEEP if name is None else Merge(name, "exact_duplicate") for name in firsts]


class Seen(Summary):
    """What all records say, in (digests [n, 2] uint64, rows [n], ids [n] of 32 bytes) per batch.

    Once settled: one digest, row and id for each set of equals, sorted by digest.
    """

    def __init__(self, parts: list[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.void]]]) -> None:
        self._parts = parts

    def merge(self, other: Self) -> None:
        self._parts += other._parts

    def settle(self) -> None:
        import numpy as np

        digests = np.concatenate([part[0] for part in self._parts])
        rows = np.concatenate([part[1] for part in self._parts])
        order = np.lexsort((rows, digests[:, 1], digests[:, 0]))
        digests = digests[order]
        same = (digests[1:] == digests[:-1]).all(axis=1)
        heads = np.flatnonzero(np.append(same, False) & ~np.append([False], same))
        chosen = order[heads]
        ids = self._ids(chosen)
        self._parts = [(digests[heads], rows[chosen], ids)]

    def _ids(self, chosen: NDArray[np.int64]) -> NDArray[np.void]:
        import numpy as np

        starts = np.cumsum([0] + [len(part[2]) for part in self._parts])
        ids = np.empty(len(chosen), dtype="V32")
        for part, start, end in zip(self._parts, starts[:-1], starts[1:], strict=True):
            here = (chosen >= start) & (chosen < end)
            ids[here] = part[2][chosen[here] - start]
        return ids

    def firsts(self, digests: NDArray[np.uint64], rows: NDArray[np.int64]) -> list[str | None]:
        """For each record the id of the earlier one that says the same, or None."""
        import numpy as np

        ((known, first_rows, ids),) = self._parts
        if not len(known):
            return [None] * len(rows)
        # Equal first halves of different digests are so rare (1 in 10^7 for 10^6 records) that only one is looked at,
        # and the second half is compared: such a record would stay unmerged.
        at = np.minimum(np.searchsorted(known[:, 0], digests[:, 0]), len(known) - 1)
        later = (known[at] == digests).all(axis=1) & (first_rows[at] != rows)
        return [
            SCHEME + ids[place].tobytes().hex() if merged else None for place, merged in zip(at, later, strict=True)
        ]


def _digests(batch: pa.RecordBatch) -> NDArray[np.uint64]:
    """[n, 2] the first 128 bits of the SHA-256 of each folded payload."""
    import numpy as np

    payloads = batch.column("payload").to_pylist()
    raw = b"".join(hashlib.sha256(folded_payload(payload)).digest()[:16] for payload in payloads)
    return np.frombuffer(raw, dtype=np.uint64).reshape(-1, 2)
