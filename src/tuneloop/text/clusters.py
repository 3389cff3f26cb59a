"""Which texts of a set are near-duplicates: pairs found by MinHash bands, verified, and joined to clusters.

    candidates   texts that agree in one of 32 bands of 3 minimum hashes each (Broder 1997; Leskovec et al., ch. 3)
    verified     by the Jaccard index of their sketches: at least `threshold`, or `short_threshold` for short texts
    clusters     the connected components of the verified pairs

A pair with Jaccard index J becomes a candidate with probability 1 - (1 - J^3)^32: 0.99 at 0.5, 0.22 at 0.2.  Within a
band each text is paired with the first that has the same values and with the one before it, so the number of pairs
grows with the number of texts and never with its square; the other bands find what that misses.

Shingles that stand in more than 5 % of all texts (at least `BOILERPLATE` of them) are template: rows that share a long
instruction and differ in a short input are not duplicates.  `without_boilerplate` leaves them out, where something
remains to compare, before the texts are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.text.similarity import SHORT, Sketches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS, ROWS = 32, 3
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio
BOILERPLATE = 50
_SHARE = 0.05
_REMAINING = 4  # shingles that must be left once the template is taken out
_BLOCK = 1 << 10  # texts hashed or pairs verified at a time: 1 to 2 MB an array
_BUCKETS = 20  # bits of a hash by which shingles are counted: 8 MB, however many texts


def near_pairs(
    sketches: Sketches, threshold: float = 0.5, short_threshold: float = 0.75, order: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """[m, 2] pairs of rows that are alike; `order` lists the rows in the order in which to compare them."""
    import numpy as np

    if len(sketches) < 2:
        return np.empty((0, 2), np.int64)
    order = np.arange(len(sketches)) if order is None else order
    seen = np.empty(0, np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        fresh = np.setdiff1d(_candidates(band_keys(sketches, band), order), seen)
        seen = np.union1d(seen, fresh)
        left, right = (fresh >> np.uint64(32)).astype(np.int64), (fresh & np.uint64(0xFFFFFFFF)).astype(np.int64)
        for start in range(0, len(fresh), _BLOCK):
            block = slice(start, start + _BLOCK)
            alike = sketches.jaccard(left[block], right[block])
            short = np.minimum(sketches.lengths[left[block]], sketches.lengths[right[block]]) < SHORT
            near = alike >= np.where(short, short_threshold, threshold)
            found.append(np.stack([left[block][near], right[block][near]], axis=1))
    return np.concatenate(found)


def components(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """[count] for each row the lowest row that it is connected with by pairs, directly or not."""
    import numpy as np

    labels = np.arange(count)
    if not len(pairs):
        return labels
    left, right = pairs[:, 0], pairs[:, 1]
    while True:  # each round hooks roots to lower ones and halves the paths: about log2(count) rounds
        low = np.minimum(labels[left], labels[right])
        before = labels.copy()
        np.minimum.at(labels, labels[left], low)
        np.minimum.at(labels, labels[right], low)
        labels = labels[labels]
        if (labels == before).all():
            return labels


def without_boilerplate(sketches: Sketches) -> Sketches:
    """The sketches less what is template; a text that is hardly anything else keeps its own.

    What is left moves together in the memory of the sketches given, so those are used up: a copy would double what a
    large set takes.
    """
    import numpy as np

    common = _common(sketches.values, max(BOILERPLATE, int(_SHARE * len(sketches))))
    if not len(common):
        return sketches
    values, offsets = sketches.values, np.zeros_like(sketches.offsets)
    for start in range(0, len(sketches), _BLOCK):
        begins = sketches.offsets[start : start + _BLOCK + 1]
        block, texts = values[begins[0] : begins[-1]], len(begins) - 1
        rows = np.repeat(np.arange(texts), np.diff(begins))
        template = np.isin(block, common)
        left = np.bincount(rows[~template], minlength=texts)
        stays = ~template | (left < _REMAINING)[rows]
        ends = offsets[start] + np.cumsum(np.bincount(rows[stays], minlength=texts))
        values[offsets[start] : ends[-1]] = block[stays]
        offsets[start + 1 : start + 1 + texts] = ends
    # A text longer than its sketch loses the same share of what was not kept: what is left is still a sample of it.
    sizes = np.where(sketches.sizes > np.diff(sketches.offsets), sketches.sizes, np.diff(offsets)).astype(np.int32)
    return Sketches(values[: offsets[-1]], offsets, sizes, sketches.lengths, sketches.kept)


def _common(values: NDArray[np.uint32], limit: int) -> NDArray[np.uint32]:
    """The hashes that occur more than `limit` times."""
    import numpy as np

    shift, step = np.uint32(32 - _BUCKETS), 1 << 18
    counts = np.zeros(1 << _BUCKETS, dtype=np.int64)
    for start in range(0, len(values), step):
        counts += np.bincount(values[start : start + step] >> shift, minlength=len(counts))
    full = counts > limit
    if not full.any():
        return np.empty(0, np.uint32)
    likely = [block[full[block >> shift]] for block in np.array_split(values, len(values) // step + 1)]
    found, times = np.unique(np.concatenate(likely), return_counts=True)
    return found[times > limit]


def band_keys(sketches: Sketches, band: int) -> NDArray[np.uint64]:
    """[n] one number that says the band's minimum hashes; texts without shingles get numbers of their own."""
    import numpy as np

    random = np.random.default_rng(band)
    xors = random.integers(0, 1 << 32, ROWS, dtype=np.uint64)
    factors = random.integers(0, 1 << 62, ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = np.arange(len(sketches), dtype=np.uint64)
    filled = np.flatnonzero(np.diff(sketches.offsets))
    for start in range(0, len(filled), _BLOCK):
        rows = filled[start : start + _BLOCK]
        begin, end = sketches.offsets[rows[0]], sketches.offsets[rows[-1] + 1]
        values = sketches.values[begin:end].astype(np.uint64)
        block = np.zeros(len(rows), dtype=np.uint64)
        for xor, factor in zip(xors, factors, strict=True):
            hashed = ((values ^ xor) * factor) >> np.uint64(24)
            block = (block * np.uint64(_MULTIPLIER)) ^ np.minimum.reduceat(hashed, sketches.offsets[rows] - begin)
        keys[rows] = block
    return keys


def _candidates(keys: NDArray[np.uint64], order: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Pairs (lower row << 32 | higher row) of texts with one key: with the bucket's first, and with the one before."""
    import numpy as np

    by_key = order[np.argsort(keys[order], kind="stable")]
    sorted_keys = keys[by_key]
    starts = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])
    heads = by_key[np.maximum.accumulate(np.where(starts, np.arange(len(by_key)), 0))]
    later = ~starts
    pairs = [(by_key[later], heads[later]), (by_key[1:][later[1:]], by_key[:-1][later[1:]])]
    packed = [
        (np.minimum(one, two).astype(np.uint64) << np.uint64(32)) | np.maximum(one, two).astype(np.uint64)
        for one, two in pairs
    ]
    return np.unique(np.concatenate(packed))
