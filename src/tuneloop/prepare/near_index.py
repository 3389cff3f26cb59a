"""Which records of large ledgers may be nearly the same as a few new texts, without reading the ledgers.

Beside each `records` ledger that is asked lies an index, made when it is first asked and kept under `index/` in the
workspace: for each of the 32 bands of `text.clusters` the records' numbers (32 bits of each), sorted.  It takes 323
bytes a record; asking 1,000 texts reads a few pages of it.  It is made from the ledger alone, so it may be removed at
any time, and goes with the ledger when somebody is forgotten.

What is compared is what `splits.clustered.said` says of a record.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuneloop.prepare import batches
from tuneloop.prepare.splits.clustered import said
from tuneloop.records import Record
from tuneloop.store import Workspace, datasets
from tuneloop.store.durable import publish, temporary_beside
from tuneloop.text.clusters import BANDS, band_keys
from tuneloop.text.similarity import SHORT, Sketches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "index"
NEAR, SHORT_NEAR = 0.5, 0.9
_IN_BAND, _AT_MOST = 16, 16  # records looked at of one number in one band, and of one text
_ROWS = 4096


def near_records(ws: Workspace, records: Sequence[Record]) -> dict[int, str]:
    """By the place of each record that has one: the id of a record of some version that says nearly the same.

    Nearly means a Jaccard index of character n-grams of at least 0.5 (0.9 under 15 characters), of the whole text and
    of the last answer, as in the step `near_duplicates`.
    """
    texts = Sketches.of([said(one) for one in records])
    shared: list[Counter[tuple[str, str]]] = [Counter() for _ in records]
    for address in datasets.all_addresses(ws, "records"):
        for place, record in _candidates(ws, address, texts):
            shared[place][address, record] += 1
    found: dict[int, str] = {}
    for place, counted in enumerate(shared):
        for (address, record), _ in counted.most_common(_AT_MOST):
            row = ws.ledgers.find(address, "id", record, ["payload"])
            if row is not None and alike(records[place], batches.to_record(row["payload"])):
                found[place] = record
                break
    return found


def alike(one: Record, two: Record) -> bool:
    """Whether two records say nearly the same, and answer it."""
    return _near(said(one), said(two)) and _near(_answer(one), _answer(two))


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
    return bool(pair.jaccard(np.array([0]), np.array([1]))[0] >= least)


def _answer(record: Record) -> str:
    return record.messages[-1].text if record.messages else ""


def _candidates(ws: Workspace, address: str, texts: Sketches) -> list[tuple[int, str]]:
    """(place of a text, id of a record) for each band that both agree in."""
    import numpy as np

    folder = _made(ws, address)
    keys, rows, ids = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("keys", "rows", "ids"))
    found = []
    for band in range(BANDS):
        wanted = _numbers(texts, band)
        first, last = (np.searchsorted(keys[band], wanted, side) for side in ("left", "right"))
        for place in np.flatnonzero(last > first):
            some = rows[band, first[place] : min(last[place], first[place] + _IN_BAND)]
            found += [(int(place), ids[row].decode()) for row in some]
    return found


def _numbers(texts: Sketches, band: int) -> NDArray[np.uint32]:
    import numpy as np

    return (band_keys(texts, band) >> np.uint64(32)).astype(np.uint32)


def _made(ws: Workspace, address: str) -> Path:
    import numpy as np

    place = _place(ws, address)
    if place.is_dir():
        return place
    count = ws.ledgers.rows(address)
    keys, ids, at = np.empty((BANDS, count), dtype=np.uint32), np.empty(count, dtype="S67"), 0
    for batch in ws.ledgers.read(address, ["id", "payload"], batch_rows=_ROWS):
        texts = Sketches.of([said(record) for record in batches.to_records(batch)])
        end = at + batch.num_rows
        ids[at:end] = batch.column("id").to_pylist()
        for band in range(BANDS):
            keys[band, at:end] = _numbers(texts, band)
        at = end
    order = np.argsort(keys, axis=1, kind="stable").astype(np.uint32)
    part = temporary_beside(place)
    part.mkdir()
    for name, values in (("keys", np.take_along_axis(keys, order.astype(np.int64), 1)), ("rows", order), ("ids", ids)):
        np.save(part / f"{name}.npy", values)
    if place.is_dir():
        shutil.rmtree(part)
    else:
        publish(part, place)
    return place


def _place(ws: Workspace, address: str) -> Path:
    return ws.path(FOLDER) / address.removeprefix("sha256:")
