"""Rates from stratified samples: against formulas worked out by hand, and how often the interval holds the truth."""

import math
import random

import pytest

from tuneloop.scores.interval import of_shares
from tuneloop.scores.stratified import Stratum, of_group, of_strata, wanted


def test_one_stratum_of_a_large_whole_is_wilsons_interval():
    values = [1.0] * 45 + [0.0] * 5
    ours, plain = of_strata([Stratum(10**9, values)]), of_shares(values)
    assert (ours.mean, ours.count) == (0.9, 50)
    assert ours.low == pytest.approx(plain.low, abs=1e-6)
    assert ours.high == pytest.approx(plain.high, abs=1e-6)


def test_the_rate_is_weighted_back_to_the_whole():
    found = of_strata([Stratum(900, [1.0] * 10), Stratum(100, [0.0] * 10)])
    assert found.mean == pytest.approx(0.9)
    assert of_strata([Stratum(10, []), Stratum(10, [])]) is None
    assert of_strata([Stratum(10, []), Stratum(10, [1.0, 0.0])]).mean == 0.5


def test_what_was_looked_at_whole_is_certain():
    found = of_strata([Stratum(4, [1.0, 1.0, 0.0, 1.0])])
    assert (found.low, found.mean, found.high) == (0.75, 0.75, 0.75)
    half = of_strata([Stratum(100, [1.0, 0.0] * 40)])
    free = of_strata([Stratum(10**9, [1.0, 0.0] * 40)])
    assert half.high - half.low < 0.5 * (free.high - free.low)  # √(20/99) = 0.45


def test_no_failure_seen_is_not_certainty():
    found = of_strata([Stratum(1000, [1.0] * 20), Stratum(50, [1.0] * 3)])
    assert found.high == 1.0
    assert 0.8 < found.low < 0.9


@pytest.mark.parametrize(
    ("sizes", "shares", "counts"),
    [
        ([2000], [0.9], [100]),
        ([2000, 500, 100], [0.95, 0.8, 0.5], [120, 50, 30]),
        ([2000, 500, 100], [0.99, 0.98, 0.97], [120, 50, 30]),
        ([200] * 10, [0.95] * 10, [5] * 10),
        ([60, 40], [0.9, 0.6], [40, 30]),
        ([5000, 20, 20], [0.9, 0.1, 0.1], [100, 10, 10]),
    ],
)
def test_the_interval_of_a_share_holds_the_truth(sizes, shares, counts):
    dice = random.Random(1)
    wholes = [[1.0] * round(n * p) + [0.0] * (n - round(n * p)) for n, p in zip(sizes, shares, strict=True)]
    truth = sum(map(sum, wholes)) / sum(sizes)
    held = 0
    for _ in range(400):
        strata = [Stratum(len(w), dice.sample(w, n)) for w, n in zip(wholes, counts, strict=True)]
        found = of_strata(strata)
        held += found.low <= truth + 1e-12 and truth - 1e-12 <= found.high
    assert held / 400 >= 0.92


def test_the_interval_of_a_mean_holds_the_truth():
    dice = random.Random(2)
    held = 0
    for _ in range(400):
        wholes = [
            [dice.choice([0.5, 0.75, 0.75, 1.0]) for _ in range(300)],
            [dice.choice([0, 0.25, 1]) for _ in range(80)],
        ]
        found = of_strata([Stratum(300, dice.sample(wholes[0], 40)), Stratum(80, dice.sample(wholes[1], 10))])
        held += found.low <= sum(map(sum, wholes)) / 380 <= found.high
    assert held / 400 >= 0.92


def test_the_interval_of_a_group_is_wilsons_at_the_effective_size():
    even = of_group([1.0] * 9 + [0.0], [3.0] * 10)
    assert (even.low, even.high) == pytest.approx((of_shares([1.0] * 9 + [0.0]).low, of_shares([1.0] * 9 + [0.0]).high))
    uneven = of_group([1.0] * 9 + [0.0], [1.0] * 9 + [9.0])
    assert uneven.mean == 0.5
    assert uneven.high - uneven.low > even.high - even.low


def test_how_many_are_wanted():
    # Cochran 1977, 4.4: p = 1/2, d = 0.05: 384.1 of an endless whole, 277.7 of 1000
    assert wanted([Stratum(10**9, [])], 0.05) == 385
    assert wanted([Stratum(1000, [])], 0.05) == math.ceil(384.146 / 1.384146)
    assert wanted([Stratum(10**6, [1.0] * 95 + [0.0] * 5)], 0.05) < 110
    assert wanted([Stratum(30, [])], 0.01) == 30
