"""What an earlier split decides about new records.

A record that an earlier version placed keeps its place, and new records of its cluster follow it.  A new record that
would join old records of different splits is a bridge: it is left out, so that the others can stay where they are.
Which of several new records is the bridge is settled in the order of their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneloop.prepare.split import BRIDGE, FREE
from tuneloop.text.clusters import components

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def settle(
    count: int, pairs: NDArray[np.int64], assigned: NDArray[np.int8]
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Places of rows that old rows decide (their own, that of their cluster, or BRIDGE), and all clusters."""
    import numpy as np

    clusters = components(count, pairs)
    places = assigned.copy()
    masks = _masks(clusters, assigned)
    if (torn := (masks & (masks - 1)) != 0).any():
        inside = torn[clusters[pairs[:, 0]]]
        bridges = _bridges(pairs[inside], assigned)
        places[bridges] = BRIDGE
        alone = ~np.isin(pairs, bridges).any(axis=1)
        clusters = components(count, pairs[alone])
        masks = _masks(clusters, assigned)
    decided = (places == FREE) & (masks[clusters] != 0)
    places[decided] = masks[clusters[decided]] >> 1  # one bit each: 1, 2, 4 are places 0, 1, 2
    return places, clusters


def _masks(clusters: NDArray[np.int64], assigned: NDArray[np.int8]) -> NDArray[np.uint8]:
    """For the cluster that each number names, one bit per split that old rows of it are in."""
    import numpy as np

    masks, old = np.zeros(len(clusters), dtype=np.uint8), assigned != FREE
    np.bitwise_or.at(masks, clusters[old], np.left_shift(1, assigned[old]).astype(np.uint8))
    return masks


def _bridges(pairs: NDArray[np.int64], assigned: NDArray[np.int8]) -> list[int]:
    """New rows that would join old rows of different splits, taken in the order of their ids."""
    neighbours: dict[int, list[int]] = {}
    for left, right in pairs.tolist():
        neighbours.setdefault(left, []).append(right)
        neighbours.setdefault(right, []).append(left)
    root = {row: row for row in neighbours}
    splits = {row: {int(assigned[row])} - {FREE} for row in neighbours}

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = row = root[root[row]]
        return row

    bridges, done = [], set()
    for row in sorted(neighbours, key=lambda row: (assigned[row] == FREE, row)):
        near = {find(other) for other in neighbours[row] if other in done}
        joined = splits[row].union(*(splits[other] for other in near))
        if len(joined) > 1 and assigned[row] == FREE:
            bridges.append(row)
            continue
        for other in near:
            root[other] = row
        splits[row] = joined
        done.add(row)
    return bridges
