"""Which records of large ledgers may be nearly the same as a few new texts, without reading the ledgers.

Beside each `records` ledger lies an index, made with a large one or when it is first asked, and kept under `index/` in
the workspace: for each of the 32 bands of `text.clusters`, and for the question, the records' numbers (32 bits of
each), sorted.  It takes 331 bytes a record; asking 1,000 texts reads a few pages of it.  It is made from the ledger
alone, so it may be removed at any time, and goes with the ledger when somebody is forgotten.

What is compared is what `splits.clustered.said` says of a record.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.prepare import batches
from tuneloop.prepare.splits.clustered import question_tie, said
from tuneloop.records import Record
from tuneloop.store import Workspace, datasets
from tuneloop.store.durable import publish, temporary_beside
from tuneloop.text.clusters import BANDS, band_keys
from tuneloop.text.figures import SHORT_ENOUGH
from tuneloop.text.opposites import LONGEST, opposed
from tuneloop.text.similarity import SHORT, Sketches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "index"
NEAR, SHORT_NEAR = 0.5, 0.9
_IN_BAND, _AT_MOST = 16, 16  # records looked at of one number in one band, and of one text
_MANY = 64  # the same where a whole preparation asks, which verifies by itself
_ROWS = 4096


def near_records(ws: Workspace, records: Sequence[Record]) -> dict[int, str]:
    """By the place of each record that has one: the id of a record of some version that says nearly the same.

    Nearly means a Jaccard index of character n-grams of at least 0.5 (0.9 under 15 characters), of the whole text and
    of the last answer, as in the step `near_duplicates`.
    """
    keys = _keys(records)
    shared: list[Counter[tuple[str, str]]] = [Counter() for _ in records]
    for address in datasets.all_addresses(ws, "records"):
        for place, record in _candidates(ws, address, keys, _IN_BAND):
            shared[place][address, record] += 1
    found: dict[int, str] = {}
    for place, counted in enumerate(shared):
        for (address, record), _ in counted.most_common(_AT_MOST):
            row = ws.ledgers.find(address, "id", record, ["payload"])
            if row is not None and alike(records[place], batches.to_record(row["payload"])):
                found[place] = record
                break
    return found


def close_to(ws: Workspace, addresses: Sequence[str], records: Sequence[Record]) -> set[str]:
    """The ids of all records of some ledgers that may be nearly the same as one of these, or ask the same."""
    keys = _keys(records)
    return {record for one in addresses for _, record in _candidates(ws, one, keys, _MANY)}


def alike(one: Record, two: Record) -> bool:
    """Whether two records say nearly the same, and answer it."""
    return _near(said(one), said(two)) and _near(_answer(one), _answer(two))


def make(ws: Workspace, address: str, watch: Callable[[int], None] | None = None) -> Path:
    """The folder of a ledger's index, made where it is missing; `watch` is told how many records are done.

    About 50 µs of processor time a record (2.5 GHz); 331 bytes of memory, as on disk.
    """
    import numpy as np

    place = _place(ws, address)
    if place.is_dir():
        return place
    count = ws.ledgers.rows(address)
    keys, ids, at = np.empty((BANDS + 1, count), dtype=np.uint32), np.empty(count, dtype="S67"), 0
    for batch in ws.ledgers.read(address, ["id", "payload"], batch_rows=_ROWS):
        end = at + batch.num_rows
        ids[at:end] = batch.column("id").to_pylist()
        keys[:, at:end] = _keys(list(batches.to_records(batch)))
        at = end
        if watch is not None:
            watch(at)
    rows = np.empty(keys.shape, dtype=np.uint32)
    for band in range(len(keys)):  # one after the other: all at once would take three times the memory
        rows[band] = np.argsort(keys[band], kind="stable")
        keys[band] = keys[band][rows[band]]
    part = temporary_beside(place)
    try:
        part.mkdir()
        for name, values in (("keys", keys), ("rows", rows), ("ids", ids)):
            np.save(part / f"{name}.npy", values)
        publish(part, place)
    except OSError:
        if not place.is_dir():  # else another process was first
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def near_in(records: Sequence[Record], others: Sequence[Record]) -> dict[int, int]:
    """By the place of each record that has one: the place of one of `others`, or of an earlier record, counted on."""
    import numpy as np

    from tuneloop.text.clusters import near_pairs

    every = [*others, *records]
    pairs = near_pairs(Sketches.of([said(one) for one in every]), NEAR, SHORT_NEAR, np.arange(len(every)))
    found: dict[int, int] = {}
    for low, high in sorted((min(pair), max(pair)) for pair in pairs.tolist()):
        place = high - len(others)
        if place >= 0 and place not in found and alike(every[low], every[high]):
            found[place] = low
    return found


def remove(ws: Workspace, address: str) -> None:
    """Let go of the index of a ledger."""
    shutil.rmtree(_place(ws, address), ignore_errors=True)


def _near(one: str, two: str) -> bool:
    import numpy as np

    if one == two:
        return True
    pair = Sketches.of([one, two])
    least = SHORT_NEAR if int(pair.lengths.min()) < SHORT else NEAR
    if pair.jaccard(np.array([0]), np.array([1]))[0] < least:
        return False
    size = max(len(one), len(two))
    return not opposed(one, two, negations=size <= LONGEST, values=size <= SHORT_ENOUGH)


def _answer(record: Record) -> str:
    return record.messages[-1].text if record.messages else ""


def _candidates(ws: Workspace, address: str, keys: NDArray[np.uint32], most: int) -> list[tuple[int, str]]:
    """(place of a record, id of one of the ledger) for each number that both have."""
    import numpy as np

    folder = make(ws, address)
    known, rows, ids = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("keys", "rows", "ids"))
    found = []
    for band in range(len(keys)):
        first, last = (np.searchsorted(known[band], keys[band], side) for side in ("left", "right"))
        for place in np.flatnonzero((last > first) & (keys[band] != 0)):
            some = rows[band, first[place] : min(last[place], first[place] + most)]
            found += [(int(place), ids[row].decode()) for row in some]
    return found


def _keys(records: Sequence[Record]) -> NDArray[np.uint32]:
    """[bands + 1, n] numbers of which near records share one, and last that of the question; 0 says nothing."""
    import numpy as np

    texts = Sketches.of([said(record) for record in records])
    keys = np.zeros((BANDS + 1, len(records)), dtype=np.uint32)
    silent = np.diff(texts.offsets) == 0
    for band in range(BANDS):
        keys[band] = np.where(silent, 0, band_keys(texts, band) >> np.uint64(32))
    asked = [question_tie(record) for record in records]
    keys[BANDS] = [
        int.from_bytes(hashlib.blake2b(one[0].encode(), digest_size=4).digest()) if one else 0 for one in asked
    ]
    return keys


def _place(ws: Workspace, address: str) -> Path:
    return ws.path(FOLDER) / address.removeprefix("sha256:")
