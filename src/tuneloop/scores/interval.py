"""How sure a mean is: 95 % intervals over questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959964  # the standard normal's 97.5 % point


@dataclass(frozen=True)
class Interval:
    """A mean with the ends of its 95 % interval, over `count` questions."""

    mean: float
    low: float
    high: float
    count: int


def of_shares(values: Sequence[float], *, seed: int = 0, draws: int = 2000) -> Interval:
    """The interval of the mean of values from 0 to 1, at least one.

    Values that are all 0 or 1 get Wilson's score interval (1927), everything else the percentile bootstrap (Efron,
    1979) with a seed.  The bootstrap alone would call 0 of 14 exactly zero; so would it where all values are equal, and
    Wilson's interval, too wide for values between 0 and 1, stands in.  Questions count as independent: rewordings of
    one fact make the interval too narrow.
    """
    mean = math.fsum(values) / len(values)
    if len(set(values)) == 1 or set(values) <= {0.0, 1.0}:
        return Interval(mean, *_wilson(mean, len(values)), len(values))
    return Interval(mean, *_bootstrap(values, seed, draws), len(values))


def of_difference(after: Sequence[float], before: Sequence[float], *, seed: int = 0, draws: int = 2000) -> Interval:
    """The interval of the mean of after - before, question by question, of values from 0 to 1.

    Differences of -1, 0 and 1 get the adjusted Wald interval for matched pairs (Agresti & Min, 2005: half a question
    more in each of the four cells), others the paired percentile bootstrap; where all are equal Wilson's interval,
    stretched to -1 to 1, stands in.  So nine right answers where nine were wrong are not called certain.
    """
    values = [new - old for new, old in zip(after, before, strict=True)]
    mean = math.fsum(values) / len(values)
    if set(values) <= {-1.0, 0.0, 1.0}:
        return Interval(mean, *_matched_pairs(values.count(1.0), values.count(-1.0), len(values)), len(values))
    if len(set(values)) == 1:
        low, high = _wilson((mean + 1) / 2, len(values))
        return Interval(mean, 2 * low - 1, 2 * high - 1, len(values))
    return Interval(mean, *_bootstrap(values, seed, draws), len(values))


def of_ratio(parts: Sequence[tuple[float, float]], *, seed: int = 0, draws: int = 2000) -> Interval:
    """The interval of sum(above) / sum(below) over pairs (above, below) with a positive sum below: bits per byte over
    records, say.

    The percentile bootstrap over the pairs; with a single pair there is nothing to draw from, and the ends are
    infinitely far.
    """
    import numpy

    data = numpy.asarray(parts, dtype=numpy.float64)
    mean = float(data[:, 0].sum() / data[:, 1].sum())
    if len(data) < 2:
        return Interval(mean, -math.inf, math.inf, len(data))
    random = numpy.random.default_rng(seed)
    block = max(1, 1_000_000 // len(data))
    ratios = []
    for start in range(0, draws, block):
        sums = data[random.integers(0, len(data), (min(block, draws - start), len(data)))].sum(axis=1)
        ratios.append(sums[:, 0] / numpy.maximum(sums[:, 1], numpy.finfo(numpy.float64).tiny))
    low, high = numpy.quantile(numpy.concatenate(ratios), [0.025, 0.975])
    return Interval(mean, float(low), float(high), len(data))


def _matched_pairs(gained: int, lost: int, count: int) -> tuple[float, float]:
    changed, net, total = gained + lost + 1, gained - lost, count + 2
    half = _Z * math.sqrt(changed - net * net / total) / total
    mean = net / count
    return max(-1.0, min(mean, net / total - half)), min(1.0, max(mean, net / total + half))


def _wilson(share: float, count: int) -> tuple[float, float]:
    square = _Z * _Z / count
    centre = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def _bootstrap(values: Sequence[float], seed: int, draws: int) -> tuple[float, float]:
    import numpy

    data = numpy.asarray(values, dtype=numpy.float64)
    random = numpy.random.default_rng(seed)
    # Draws in blocks, so that memory doesn't grow with draws x values.
    block = max(1, 1_000_000 // len(data))
    means = [
        data[random.integers(0, len(data), (min(block, draws - start), len(data)))].mean(axis=1)
        for start in range(0, draws, block)
    ]
    low, high = numpy.quantile(numpy.concatenate(means), [0.025, 0.975])
    return float(low), float(high)
