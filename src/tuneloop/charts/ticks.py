"""Where the marks of an axis stand, and how they are written.

Linear axes take steps of 1, 2 or 5 times a power of ten (P. Heckbert, "Nice numbers for graph labels", Graphics Gems,
1990).  Logarithmic axes take 1, 2 and 5 of each power of ten, or only powers where the range is wide; a range within
one decade gets linear steps, which the axis places logarithmically.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def linear(low: float, high: float, most: int = 6) -> list[float]:
    """About `most` round values, evenly spaced, that cover the range; a range of one point is widened."""
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    step = _round_up((high - low) / max(1, most - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Whole numbers times the step, rounded, so that 3 x 0.1 isn't written as 0.30000000000000004.
    digits = max(0, 2 - math.floor(math.log10(step)))
    return [round(index * step, digits) for index in range(first, last + 1)]


def logarithmic(low: float, high: float, most: int = 6) -> list[float]:
    """Round values over a positive range; they cover it, but for the foot of a range within one decade."""
    if low <= 0:
        raise ValueError(f"a logarithmic axis starts above 0, found {low}")
    if high / low < 10:
        return [value for value in linear(low, high, most) if value > 0]
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    fine = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
    covering = [max(v for v in fine if v <= low * (1 + 1e-9)), min(v for v in fine if v >= high * (1 - 1e-9))]
    chosen = [value for value in fine if covering[0] <= value <= covering[1]]
    if len(chosen) <= most + 1:
        return chosen
    stride = math.ceil((last - first) / most)
    return [10.0**power for power in range(first, last + stride, stride)]


def written(value: float, ticks: Sequence[float]) -> str:
    """One tick as text, with the unit and decimals that all of them together ask for: 0.25, 1,500, 20k, 2.5M."""
    largest = max(abs(tick) for tick in ticks)
    if value == 0 or largest == 0:
        return "0"
    if largest < 1e-3:
        digits, _, exponent = f"{value:.1e}".partition("e")
        return f"{digits.removesuffix('.0')}e{int(exponent)}"
    for size, unit, least in ((1e9, "B", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4)):
        if largest >= least:
            return f"{value / size:.3g}{unit}"
    decimals = next((count for count in range(6) if all(round(tick, count) == tick for tick in ticks)), 6)
    return f"{value:,.{decimals}f}"


def _round_up(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
