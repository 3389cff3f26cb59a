"""A test set that later preparations share: the test and validation records of one version begin another.

    prepare: {test_of: data-3}       in a recipe: whatever is prepared has the test set of data-3

The new version holds these records where they are, with their origins and edits.  What is new is trained on; a new
record whose cluster holds one of them is left out with the reason `held_out`, and one that says the same merges into
it.  What is close, the splitter of the recipe says: one that compares no texts (`train_only`, `by_input`) leaves out
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tuneloop.errors import UsageError
from tuneloop.prepare import versions
from tuneloop.prepare.batches import schema
from tuneloop.prepare.commit import TEST_SCHEME
from tuneloop.prepare.extended import Extended
from tuneloop.records import DatasetVersion, Split
from tuneloop.store import Workspace, datasets

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

HELD_OUT: tuple[Split, ...] = ("validation", "test")


def test_set_of(ws: Workspace, name: str, scenario: str) -> Frozen:
    """The test set of a version; raises `UsageError` where it has none."""
    version = datasets.version(ws, name, scenario)
    if not version.splits.get("test"):
        raise UsageError(
            f"{version.name} has no test records",
            expected="a version with a test set",
            do="List versions with: tuneloop data, and name another in prepare.test_of",
        )
    return Frozen(ws, version)


@dataclass(frozen=True)
class Frozen(Extended):
    """`version` is the one whose test set it is."""

    @property
    def count(self) -> int:
        return sum(self._version.splits.get(split, 0) for split in HELD_OUT)

    @property
    def parent(self) -> DatasetVersion | None:
        return None

    @property
    def _version(self) -> DatasetVersion:
        if self.version is None:
            raise ValueError("a test set without its version")
        return self.version

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[Split], list[float]]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        row = 0
        for whole in versions.batches(self.ws, self._version):
            batch = whole.filter(pc.is_in(whole.column("split"), value_set=pa.array(HELD_OUT)))
            if not batch.num_rows:
                continue
            numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
            row += batch.num_rows
            columns = [numbers, *(batch.column(name) for name in ("id", "kind", "lang", "length", "payload"))]
            made = pa.RecordBatch.from_arrays(columns, schema=schema())
            yield made, batch.column("split").to_pylist(), batch.column("weight").to_pylist()

    def dwarfs(self, rows: int) -> bool:
        return False

    @cached_property
    def ids(self) -> NDArray[np.bytes_]:
        import numpy as np

        return np.array(self._held, dtype="S67")

    @cached_property
    def _held(self) -> list[str]:
        query = "SELECT record FROM members WHERE split IN ('validation', 'test') ORDER BY record"
        members = datasets.addresses(self.ws, self._version.name, "members")
        return [str(one) for one in self.ws.ledgers.query(query, members=members)["record"].to_pylist()]

    def ledgers(self) -> dict[str, list[str]]:
        """Ledgers of these records alone: the others of the version are no part of the new one."""
        wanted = {
            "records": ("id", self._held),
            "origins": ("record", self._held),
            "fates": ("record", self._held),
            "changes": ("record", self._edited()),
        }
        return {kind: self._of(kind, column, ids) for kind, (column, ids) in wanted.items()}

    def _edited(self) -> list[str]:
        """These records and everything that they were before an edit."""
        ledgers = datasets.addresses(self.ws, self._version.name, "changes")
        found, wanted = set(self._held), self._held
        while wanted and ledgers:
            query = "SELECT DISTINCT parent FROM changes WHERE record IN (SELECT unnest(?))"
            parents = self.ws.ledgers.query(query, [wanted], changes=ledgers)["parent"].to_pylist()
            wanted = [one for one in parents if one not in found]
            found.update(wanted)
        return sorted(found)

    def _of(self, kind: str, column: str, ids: Sequence[str]) -> list[str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        from tuneloop.store.ledgers import filled
        from tuneloop.store.ledgers import schema as schema_of

        wanted, made = pa.array(ids, pa.string()), []
        for address in datasets.addresses(self.ws, self._version.name, kind):
            with self.ws.ledgers.writer(kind) as writer:
                for batch in self.ws.ledgers.read(address):
                    own = batch.filter(pc.is_in(batch.column(column), value_set=wanted))
                    writer.write_batch(filled(own, schema_of(kind)))
                if writer.rows:
                    made.append(writer.commit())
        return made


@dataclass(frozen=True)
class SharedTest:
    """The test set of a version: `id` names it (nothing where there is none), `same_as` the versions that have it too,
    `of` the version that it was taken from.  Evaluations of models of these versions can be compared."""

    id: str
    records: int
    same_as: tuple[str, ...]
    of: str | None


def test_set(ws: Workspace, version: DatasetVersion) -> SharedTest:
    """What the test set of a version is, and which others have the same, record by record."""
    own = test_set_id(ws, version)
    others = [one for one in datasets.versions(ws) if one.name != version.name] if own else []
    alike = [one for one in others if one.splits.get("test") == version.splits["test"]]
    same = tuple(one.name for one in alike if test_set_id(ws, one) == own)
    return SharedTest(own, version.splits.get("test", 0), same, version.report.get(TEST_OF))


def test_set_id(ws: Workspace, version: DatasetVersion) -> str:
    """`t1:` and a SHA-256 of the test records' ids; nothing where there are none.  The order of reading plays no part.

    It is kept in the version's report where a version says it; another is read from its members: 0.2 s for 1M.
    """
    import hashlib

    if not version.splits.get("test"):
        return ""
    if told := version.report.get(TEST_SET):
        return str(told)
    query = "SELECT record FROM members WHERE split = 'test' ORDER BY record"
    members = datasets.addresses(ws, version.name, "members")
    found = ws.ledgers.query(query, members=members)["record"].to_pylist()
    return TEST_SCHEME + hashlib.sha256("".join(f"{one}\n" for one in found).encode()).hexdigest()


TEST_SET, TEST_OF = "test_set", "test_of"
"""The keys of a version's report: what its test set is, and the version that it is from."""
