"""Random numbers by counting: the number of (key, place) is computed, never drawn in turn.

    key(3, 7, 0)                one 64-bit key from several numbers
    uniform(keys, places)       [n] numbers in [0, 1), each from its own pair alone

SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).  Whatever is computed
beside it, and in whatever order, a pair gives the same number; there is no state to keep.  Not for secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Words64 = np.ndarray[Any, np.dtype[np.uint64]]

MASK = (1 << 64) - 1
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def key(*numbers: int) -> int:
    """A number of 64 bits that depends on all of them and on their order."""
    mixed = 0
    for number in numbers:
        mixed = int(_mixed(np.array([(mixed + (number + 1) * GOLDEN) & MASK], dtype=np.uint64))[0])
    return mixed


def uniform(keys: Sequence[int], places: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[n] numbers of 53 random bits; keys may be neighbours, and are taken modulo 2^64."""
    starts = _mixed(np.array([one & MASK for one in keys], dtype=np.uint64))
    steps = np.array(places, dtype=np.uint64) + np.uint64(1)
    bits: Words64 = _mixed(starts + steps * np.uint64(GOLDEN)) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def _mixed(words: Words64) -> Words64:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(FIRST)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(SECOND)
    return words ^ (words >> np.uint64(31))
