"""A dataset version's records on their way into training, streamed from the ledgers in their stored order.

Holds about 150 bytes per record of the split (its id, weight and group), never the records themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tuneloop.records import DatasetVersion, Record, Split
from tuneloop.store import datasets
from tuneloop.store.workspace import Workspace
from tuneloop.train import general
from tuneloop.train.examples import Item
from tuneloop.train.mixtures import REPLAY


def items(ws: Workspace, version: DatasetVersion, split: Split) -> Iterator[Item]:
    """The records of one split with their weight and group: the source file's name without its ending."""
    wanted = _members(ws, version, split)
    for address in datasets.addresses(ws, version.name, "records") if wanted else ():
        for batch in ws.ledgers.read(address, columns=["id", "payload"], batch_rows=1024):
            for identity, payload in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                member = wanted.pop(_digest(identity), None)  # a record may lie in several ledgers; once is enough
                if member is not None:
                    yield Item(Record.from_payload(json.loads(payload)), *member)


def labels(ws: Workspace, version: DatasetVersion) -> tuple[str, ...]:
    """The classes of the training records, sorted."""
    found = {str(item.record.label) for item in items(ws, version, "train") if item.record.kind == "label"}
    return tuple(sorted(found))


def _members(ws: Workspace, version: DatasetVersion, split: Split) -> dict[bytes, tuple[float, str]]:
    table = ws.ledgers.query(
        """
        SELECT members.record, members.weight, coalesce(first.file, '') AS file
        FROM members LEFT JOIN (SELECT record, min(file) AS file FROM origins GROUP BY record) AS first USING (record)
        WHERE split = ?
        """,
        [split],
        members=datasets.addresses(ws, version.name, "members"),
        origins=datasets.addresses(ws, version.name, "origins"),
    )
    names: dict[str, str] = {}
    found: dict[bytes, tuple[float, str]] = {}
    for batch in table.to_batches(max_chunksize=16_384):
        rows = zip(*(batch.column(number).to_pylist() for number in range(3)), strict=True)
        for record, weight, file in rows:
            found[_digest(record)] = (weight, names.setdefault(file, group_of(file)))
    return found


def _digest(record: str) -> bytes:
    return bytes.fromhex(record.partition(":")[2])


def group_of(file: str) -> str:
    """`corpus/zh-stories.jsonl.gz` → `zh-stories`."""
    return PurePosixPath(file.replace("\\", "/")).name.split(".")[0]


def replay_items(file: Path) -> Iterator[Item]:
    """General examples as records of the group that the recipe's `replay` takes its share from."""
    for record in general.replayed(file):
        yield Item(record, 1.0, REPLAY)
