"""How much lower or higher a loss became on the same records, in bits per byte, with an interval.

The percentile bootstrap over records (Efron, 1979), which are drawn with both their losses; where several seeds were
trained, seeds are drawn as well, so that the luck of training is in the interval.  With many groups looked at at once,
`of` narrows the level to 1 - 0.05 / of (Bonferroni), so that one in twenty *looks* errs and not one in twenty groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

DRAWS = 4000
FEWEST = 8
"""Records below which a bootstrap knows too little of the spread to decide anything."""


@dataclass(frozen=True)
class Change:
    """Bits per byte `before` and `after` over `records` records, and the change with the ends of its interval.

    With fewer than `FEWEST` records the ends are infinitely far.
    """

    before: float
    after: float
    change: float
    low: float
    high: float
    records: int

    @property
    def verdict(self) -> str:
        """`helps` where all of the interval is below 0, `hurts` where all is above, else `unclear`."""
        return "helps" if self.high < 0 else "hurts" if self.low > 0 else "unclear"


def change(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    octets: Sequence[int],
    *,
    of: int = 1,
    seed: int = 0,
) -> Change:
    """`before` and `after` hold nats by training seed (one row where nothing was trained) and record; `octets` are the
    bytes that they are spread over."""
    import numpy

    bits = [numpy.asarray(one, dtype=numpy.float64) / math.log(2) for one in (before, after)]
    below = numpy.asarray(octets, dtype=numpy.float64)
    total, count = float(below.sum()), len(octets)
    means = [float(one.mean(axis=0).sum()) / total for one in bits]
    if count < FEWEST:
        return Change(means[0], means[1], means[1] - means[0], -math.inf, math.inf, count)
    random = numpy.random.default_rng(seed)
    found = numpy.empty(DRAWS)
    block = max(1, 1_000_000 // count)
    for start in range(0, DRAWS, block):
        size = min(block, DRAWS - start)
        rows = random.integers(0, count, (size, count))
        drawn = [_of_seeds(one, random, size)[numpy.arange(size)[:, None], rows].sum(axis=1) for one in bits]
        found[start : start + size] = (drawn[1] - drawn[0]) / numpy.maximum(below[rows].sum(axis=1), 1.0)
    low, high = numpy.quantile(found, [0.025 / of, 1 - 0.025 / of])
    return Change(means[0], means[1], means[1] - means[0], float(low), float(high), count)


def _of_seeds(losses: Array, random: numpy.random.Generator, size: int) -> Array:
    """[size, records]: for each draw the mean over seeds drawn with replacement."""
    import numpy

    seeds, count = losses.shape
    if seeds == 1:
        return numpy.broadcast_to(losses[0], (size, count))
    shares = random.multinomial(seeds, [1 / seeds] * seeds, size=size) / seeds
    found: Array = shares @ losses
    return found


def records_wanted(found: Change) -> int | None:
    """How many records would settle a change of this size, as intervals shrink with the root of the number."""
    half = (found.high - found.low) / 2
    if not math.isfinite(half) or abs(found.change) * 50 < half:
        return None
    return math.ceil(found.records * (half / abs(found.change)) ** 2)
