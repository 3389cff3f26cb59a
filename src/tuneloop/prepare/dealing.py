"""Whole clusters of records dealt out to train, validation and test by shares, evenly in all and within each tag.

Clusters come one after the other and go to the split that is furthest behind its share of what was dealt so far.  With
tags, how far behind each split is in the cluster's tags is added to that, and clusters with rare tags come first, as
the many others can still even out the whole (iterative stratification: Sechidis, Tsoumakas and Vlahavas 2011).  The
first cluster of a tag that two records or more have goes to train, so that no tag is only ever tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneloop.records import SPLITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRAIN = SPLITS.index("train")
_AT_MOST = 3  # a third of the records is the most that one cluster may give a split that has none


@dataclass(frozen=True)
class ClusterTags:
    """The tags of c clusters: those of cluster i are `tags[offsets[i]:offsets[i + 1]]`, each `counts` times.

    tags are numbered from 0, the rarest first; `old` [t, 3] counts the records of each tag that have a place already.
    """

    offsets: NDArray[np.int64]
    tags: NDArray[np.int64]
    counts: NDArray[np.int64]
    old: NDArray[np.int64]

    @classmethod
    def of(
        cls, pairs: NDArray[np.int64], clusters: NDArray[np.int64], count: int, places: NDArray[np.int8]
    ) -> ClusterTags:
        """From [m, 2] (row, tag), the cluster (0 to `count` - 1) of each row, -1 for placed ones, and their places."""
        import numpy as np

        rows = pairs[:, 0]
        known, numbers, totals = np.unique(pairs[:, 1], return_inverse=True, return_counts=True)
        rank = np.empty(len(known), dtype=np.int64)
        rank[np.lexsort((known, totals))] = np.arange(len(known))
        numbers = rank[numbers]
        old = np.zeros((len(known), len(SPLITS)), dtype=np.int64)
        there = (clusters[rows] < 0) & (places[rows] >= 0)
        np.add.at(old, (numbers[there], places[rows[there]]), 1)
        free = clusters[rows] >= 0
        joint, counts = np.unique(clusters[rows[free]] * len(known) + numbers[free], return_counts=True)
        offsets = np.searchsorted(joint, np.arange(count + 1) * len(known))
        return cls(offsets, joint % max(len(known), 1), counts, old)

    def rarest(self) -> NDArray[np.int64]:
        """[c] the number of each cluster's rarest tag; past the last one where it has none."""
        import numpy as np

        found = np.full(len(self.offsets) - 1, len(self.old))
        owners = np.repeat(np.arange(len(found)), np.diff(self.offsets))
        np.minimum.at(found, owners, self.tags)
        return found


def deal(
    order: Sequence[int],
    sizes: Sequence[int],
    shares: Sequence[float],
    old: Sequence[float],
    tags: ClusterTags | None = None,
) -> list[int]:
    """A place for each cluster, in the order in which `order` names them; `old` counts the records placed before."""
    wanted = _wanted(shares, old, sum(sizes))
    dealt = [0.0] * len(shares)
    done = 0
    tagged = _Tagged(tags, shares) if tags is not None else None
    places = []
    for cluster in order:
        size = sizes[cluster]
        done += size
        behind = [part * done - has for part, has in zip(wanted, dealt, strict=True)]
        place = behind.index(max(behind)) if tagged is None else tagged.place(cluster, behind)
        dealt[place] += size
        places.append(place)
    totals = [has + before for has, before in zip(dealt, old, strict=True)]
    return _fill(places, [sizes[cluster] for cluster in order], totals, shares)


class _Tagged:
    """What was dealt of each tag so far."""

    def __init__(self, tags: ClusterTags, shares: Sequence[float]) -> None:
        import numpy as np

        self._offsets, self._tags, self._counts = (one.tolist() for one in (tags.offsets, tags.tags, tags.counts))
        free = np.bincount(tags.tags, weights=tags.counts, minlength=len(tags.old)).tolist()
        old = tags.old.tolist()
        self._wanted = [_wanted(shares, before, count) for before, count in zip(old, free, strict=True)]
        self._dealt = [[0.0] * len(shares) for _ in old]
        self._done = [0] * len(old)
        self._untrained = [
            not before[TRAIN] and sum(before) + count >= 2 for before, count in zip(old, free, strict=True)
        ]

    def place(self, cluster: int, behind: list[float]) -> int:
        own = range(self._offsets[cluster], self._offsets[cluster + 1])
        train = False
        for at in own:
            tag = self._tags[at]
            self._done[tag] += self._counts[at]
            done, dealt = self._done[tag], self._dealt[tag]
            for place, part in enumerate(self._wanted[tag]):
                behind[place] += part * done - dealt[place]
            train = train or self._untrained[tag]
        found = TRAIN if train else behind.index(max(behind))
        for at in own:
            tag = self._tags[at]
            self._dealt[tag][found] += self._counts[at]
            if found == TRAIN:
                self._untrained[tag] = False
        return found


def _wanted(shares: Sequence[float], old: Sequence[float], fresh: float) -> list[float]:
    """The share of the fresh records that brings each split to its share of all."""
    total = sum(old) + fresh
    found = [max(share * total - before, 0.0) for share, before in zip(shares, old, strict=True)]
    whole = sum(found) or 1.0
    return [part / whole for part in found]


def _fill(places: list[int], sizes: Sequence[int], totals: list[float], shares: Sequence[float]) -> list[int]:
    """Give the test, then validation, the smallest cluster of train when rounding left them nothing."""
    for place in (2, 1):
        spare = [cluster for cluster, now in enumerate(places) if now == TRAIN]
        if not spare or totals[place] or not shares[place]:
            continue
        smallest = min(spare, key=lambda cluster: sizes[cluster])
        if sizes[smallest] * _AT_MOST <= sum(totals):
            totals[TRAIN] -= sizes[smallest]
            places[smallest] = place
            totals[place] += sizes[smallest]
    return places
