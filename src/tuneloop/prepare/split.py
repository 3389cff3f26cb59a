"""The contract of a split: which records are trained on, which are watched while training, which are kept for the test.

    summary = None
    for batch in batches:                                     # Arrow batches, as steps see them
        part = splitter.observe(batch, groups, strata, assigned)
        summary = part if summary is None else summary + part
    splits = splitter.split(summary)
    splits.of(ids)                 # train, validation, test; or None for a new record that was left out as a bridge

The base collects what a decision needs, a splitter only assigns.  The result depends on the set of records, never on
their order.  A split is stored and never recomputed: a record that an earlier version placed keeps its place, and a new
record that would join records of two splits (a bridge) is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from tuneloop.records import SPLITS, Advice, Split
from tuneloop.records.record import SCHEME
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

FREE = -1
BRIDGE = -2
HELD_OUT = -3


@dataclass(frozen=True)
class Look:
    """What a splitter keeps of one batch beyond the ids: all of it small, none of it text.

    `sketches` are the batch's `text.similarity.Sketches`; `ties` name what records share besides their group, one list
    per row; `strata` refine each row's stratum, such as by its label.
    """

    sketches: Any = None
    ties: Sequence[Sequence[str]] | None = None
    strata: Sequence[str] | None = None


@dataclass(frozen=True)
class SplitTable:
    """All records, sorted by id, each once: what a splitter assigns.

    ids       [n] the 32 bytes of each id
    strata    [n] a number that rows of one stratum share
    assigned  [n] place in SPLITS that an earlier version gave the record, or FREE
    ties      [m, 2] (row, number of a tie): rows with the same number must stay together
    sketches  the texts' sketches in the order of arrival, or None; `rows` [len(sketches)] says whose each is
    tags      [t, 2] (row, number of a tag), each once; `tag_names` gives the tag of each number
    """

    ids: NDArray[np.bytes_]
    strata: NDArray[np.int64]
    assigned: NDArray[np.int8]
    ties: NDArray[np.int64]
    sketches: Any
    rows: NDArray[np.int64]
    tags: NDArray[np.int64]
    tag_names: Mapping[int, str]


@dataclass(frozen=True)
class Assignment:
    """`places` [n] hold a place in SPLITS, or BRIDGE; `clusters` [n] a number that rows kept together share.

    `figures` are counts for the report, and `advice` says what a person should know about the split.
    """

    places: NDArray[np.int8]
    clusters: NDArray[np.int64]
    figures: Mapping[str, int] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()


@dataclass(frozen=True)
class SplitSummary:
    """What has been seen of some batches; `a + b` is what has been seen of both."""

    parts: tuple[_Part, ...] = ()

    def __add__(self, other: SplitSummary) -> SplitSummary:
        return SplitSummary(self.parts + other.parts)


@dataclass
class _Part:
    """One batch: `strata` are 64-bit hashes, `ties` and `tags` pairs (row of the batch, 64-bit hash of what it has)."""

    ids: NDArray[np.bytes_]
    strata: NDArray[np.int64]
    assigned: NDArray[np.int8]
    ties: NDArray[np.int64]
    sketches: Any
    tags: NDArray[np.int64]
    tag_names: Mapping[int, str]

    @property
    def looked(self) -> bool:
        return self.sketches is not None


class Splits:
    """The result: which split each record is in."""

    def __init__(self, table: SplitTable, assignment: Assignment) -> None:
        self._ids, self._places, self._clusters = table.ids, assignment.places, assignment.clusters
        self.figures, self.advice = dict(assignment.figures), assignment.advice

    def of(self, ids: Iterable[str]) -> list[Split | None]:
        """The split of each id; None for one that was left out. An id that was not observed is a KeyError."""
        import numpy as np

        wanted = np.array([_raw(one) for one in ids], dtype=self._ids.dtype)
        rows = np.minimum(np.searchsorted(self._ids, wanted), max(len(self._ids) - 1, 0))
        if len(wanted) and (not len(self._ids) or (self._ids[rows] != wanted).any()):
            raise KeyError("an id that was not observed")
        return [SPLITS[place] if place >= 0 else None for place in self._places[rows].tolist()]

    def why_out(self, one: str) -> str:
        """The reason why a record was left out."""
        import numpy as np

        row = np.searchsorted(self._ids, np.array(_raw(one), dtype=self._ids.dtype))
        return "held_out" if self._places[row] == HELD_OUT else "bridge"

    @cached_property
    def counts(self) -> dict[Split, int]:
        """Records per split; those left out are in none."""
        return {split: int((self._places == place).sum()) for place, split in enumerate(SPLITS)}

    @cached_property
    def bridges(self) -> list[str]:
        """The ids that were left out, sorted."""
        return [_name(raw) for raw in self._ids[self._places == BRIDGE]]

    def table(self) -> pa.Table:
        """Columns record, split (null for a bridge) and cluster, sorted by record."""
        import pyarrow as pa

        names = [_name(raw) for raw in self._ids]
        placed = [SPLITS[place] if place >= 0 else None for place in self._places.tolist()]
        return pa.table({"record": names, "split": pa.array(placed, pa.string()), "cluster": self._clusters})


class Splitter(Member):
    """`reasons` gives the sentence for each reason to leave a record out."""

    reasons: ClassVar[Mapping[str, Words]] = {
        "bridge": Words(
            "Too close to records of two splits at once; keeping it would leak the test set into training",
            "同时与两个划分中的记录相近，收入会把测试集泄漏到训练集",
        ),
        "held_out": Words(
            "Too close to a record of the test set that this version shares with another; training on it would leak",
            "与共用测试集（或验证集）中的记录过于相近，用于训练会造成泄漏",
        ),
    }

    def look(self, batch: pa.RecordBatch) -> Look:
        """What must be kept of a batch to assign it; nothing by default."""
        return Look()

    def assign(self, table: SplitTable) -> Assignment:
        """Give every record a place; records with a tie in common get the same one."""
        raise NotImplementedError(f"{type(self).__name__} must implement assign")

    def observe(
        self,
        batch: pa.RecordBatch,
        groups: Sequence[Sequence[str]] | None = None,
        strata: Sequence[str] | None = None,
        assigned: Sequence[Split | None] | None = None,
        tags: Sequence[Sequence[str]] | None = None,
    ) -> SplitSummary:
        """Take in one batch.

        `groups` are the group keys of each row (conversation, customer, document), `strata` what each row should be
        spread by (its source), `assigned` the split that an earlier version gave it, `tags` what it is about.
        """
        import numpy as np

        look, rows = self.look(batch), batch.num_rows
        ids = np.array([_raw(one) for one in batch.column("id").to_pylist()], dtype="S32")
        own, finer = strata or [""] * rows, look.strata or [""] * rows
        placed = assigned or [None] * rows
        part = _Part(
            ids,
            np.array([stratum(one, two) for one, two in zip(own, finer, strict=True)], dtype=np.int64),
            np.array([FREE if one is None else SPLITS.index(one) for one in placed], dtype=np.int8),
            np.concatenate([_ties(groups, b"group"), _ties(look.ties, b"tie")]),
            look.sketches,
            *_tags(tags),
        )
        return SplitSummary((part,))

    def observe_placed(
        self, ids: NDArray[np.bytes_], places: NDArray[np.int8], tags: Sequence[Sequence[str]] | None = None
    ) -> SplitSummary:
        """Take in records of an earlier version, by the 32 bytes of their ids, that nothing new can be close to."""
        import numpy as np

        nothing = np.empty((0, 2), np.int64)
        strata = np.full(len(ids), stratum(""), dtype=np.int64)
        return SplitSummary((_Part(ids, strata, places, nothing, None, *_tags(tags)),))

    def split(self, summary: SplitSummary | None, *, frozen: bool = False) -> Splits:
        """Assign everything that was observed; the summary is used up.

        `frozen`: the held-out records are those that an earlier version placed; new ones are trained on or left out.
        """
        table = _table(summary or SplitSummary())
        assignment = self.assign(table)
        return Splits(table, _only_trained(table, assignment) if frozen else assignment)


def _only_trained(table: SplitTable, assignment: Assignment) -> Assignment:
    """New records go to train, but for those whose cluster holds an old record of validation or test."""
    import numpy as np

    train = SPLITS.index("train")
    held = np.unique(assignment.clusters[table.assigned > train])
    new = (table.assigned == FREE) & (assignment.places != BRIDGE)
    places = np.where(new, np.where(np.isin(assignment.clusters, held), HELD_OUT, train), assignment.places)
    figures = {**assignment.figures, "held_out": int((places == HELD_OUT).sum())}
    return Assignment(places.astype(np.int8), assignment.clusters, figures, assignment.advice)


def _table(summary: SplitSummary) -> SplitTable:
    import numpy as np

    parts = summary.parts
    starts = np.cumsum([0] + [len(part.ids) for part in parts])
    every = np.concatenate([np.empty(0, "S32"), *[part.ids for part in parts]])
    ids, first, rows = np.unique(every, return_index=True, return_inverse=True)
    strata = np.concatenate([np.empty(0, np.int64), *[part.strata for part in parts]])[first]
    assigned = np.full(len(ids), FREE, dtype=np.int8)
    np.maximum.at(assigned, rows, np.concatenate([np.empty(0, np.int8), *[part.assigned for part in parts]]))
    ties = [part.ties + np.array([start, 0]) for part, start in zip(parts, starts[:-1], strict=True)]
    tied = np.concatenate([np.empty((0, 2), np.int64), *ties])
    tied[:, 0] = rows[tied[:, 0]]
    tags = [part.tags + np.array([start, 0]) for part, start in zip(parts, starts[:-1], strict=True)]
    tagged = np.concatenate([np.empty((0, 2), np.int64), *tags])
    tagged[:, 0] = rows[tagged[:, 0]]
    tagged = tagged[np.lexsort((tagged[:, 1], tagged[:, 0]))]
    tagged = tagged[np.append(True, (tagged[1:] != tagged[:-1]).any(axis=1))] if len(tagged) else tagged
    names = {number: name for part in parts for number, name in part.tag_names.items()}
    sketched = [rows[start : start + len(part.ids)] for part, start in zip(parts, starts, strict=False) if part.looked]
    of_sketches = np.concatenate([np.empty(0, np.int64), *sketched])
    return SplitTable(ids, strata, assigned, tied, _sketches(parts), of_sketches, tagged, names)


def _sketches(parts: Sequence[_Part]) -> Any:
    """All sketches as one, taken out of the parts so that they are not in memory twice."""
    pieces = []
    for part in parts:
        if part.sketches is not None:
            pieces.append(part.sketches)
            part.sketches = None
    return type(pieces[0]).gathered(pieces) if pieces else None


def _ties(keys: Sequence[Sequence[str]] | None, salt: bytes) -> NDArray[np.int64]:
    import numpy as np

    pairs = [(row, _hash(key, salt)) for row, names in enumerate(keys or ()) for key in names]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _tags(tags: Sequence[Sequence[str]] | None) -> tuple[NDArray[np.int64], dict[int, str]]:
    import numpy as np

    numbers = {tag: _hash(tag, b"tag") for tag in {tag for own in tags or () for tag in own}}
    pairs = [(row, numbers[tag]) for row, own in enumerate(tags or ()) for tag in own] if numbers else []
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), {number: tag for tag, number in numbers.items()}


def stratum(own: str, finer: str = "") -> int:
    """The number of a stratum in `SplitTable.strata`: of an input (its number as text), and what a splitter adds."""
    return _hash(f"{own}\0{finer}", b"stratum")


def _hash(key: str, salt: bytes) -> int:
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, person=salt).digest()
    return int.from_bytes(digest, "little", signed=True)


def _raw(name: str) -> bytes:
    return bytes.fromhex(name.removeprefix(SCHEME))


def _name(raw: bytes) -> str:
    return SCHEME + bytes(raw).ljust(32, b"\0").hex()  # numpy drops zeros at the end


splits = Registry("tuneloop.prepare.splits", Splitter)
