"""Intervals: repeatable, never falsely certain, and right as often as they claim."""

from __future__ import annotations

import random

import pytest

from tuneloop.scores.interval import of_difference, of_ratio, of_shares


def test_none_of_fourteen_is_not_proof_of_zero() -> None:
    interval = of_shares([0.0] * 14)
    assert (interval.mean, interval.low) == (0, 0)
    assert interval.high == pytest.approx(0.2153, abs=1e-4)  # Wilson's interval for 0 of 14


def test_wilson_equals_its_published_example() -> None:
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    interval = of_shares([1.0] * 81 + [0.0] * 182)
    assert (interval.low, interval.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


def test_the_bootstrap_is_seeded() -> None:
    draw = random.Random(0)
    values = [draw.random() for _ in range(30)]
    assert of_shares(values, seed=1) == of_shares(values, seed=1)
    assert of_shares(values, seed=1) != of_shares(values, seed=2)


def test_intervals_hold_the_true_mean_about_as_often_as_they_say() -> None:
    draw = random.Random(0)
    held = 0
    for trial in range(200):
        interval = of_shares([draw.betavariate(2, 5) for _ in range(60)], seed=trial, draws=400)
        held += interval.low <= 2 / 7 <= interval.high
    assert 176 <= held <= 199  # 95 % of 200, less three standard errors and the bootstrap's known shortfall


def test_a_paired_difference_is_surer_than_its_parts() -> None:
    draw = random.Random(0)
    before = [draw.random() * 0.8 for _ in range(50)]
    after = [value + 0.05 + draw.random() * 0.05 for value in before]
    difference = of_difference(after, before)
    assert difference.low > 0.05
    assert of_shares(before).high > of_shares(after).low  # apart, the two intervals overlap


def test_nine_gained_of_nine_are_not_certain() -> None:
    interval = of_difference([1.0] * 9, [0.0] * 9)
    assert (interval.mean, interval.high) == (1, 1)
    assert 0.4 < interval.low < 0.6


def test_a_difference_of_nothing_is_not_certainly_nothing() -> None:
    for values in ([1.0] * 10, [0.37] * 10):
        interval = of_difference(values, values)
        assert interval.low < 0 < interval.high


def test_intervals_of_differences_hold_the_truth_about_as_often_as_they_say() -> None:
    draw = random.Random(1)
    held = 0
    for _ in range(400):
        pairs = [(float(draw.random() < 0.6), float(draw.random() < 0.3)) for _ in range(25)]
        interval = of_difference([after for after, _ in pairs], [before for _, before in pairs])
        held += interval.low <= 0.3 <= interval.high
    assert 368 <= held <= 396


def test_a_ratio_of_sums_covers_the_truth_as_often_as_it_says() -> None:
    """Records of very different length: the ratio of sums, not the mean of ratios, is what is bounded."""
    draw = random.Random(7)
    inside = 0
    for number in range(200):
        pairs = []
        for _ in range(60):
            below = draw.randint(5, 200)
            pairs.append((below * draw.uniform(1.0, 3.0), float(below)))
        found = of_ratio(pairs, seed=number, draws=400)
        assert found.mean == pytest.approx(sum(above for above, _ in pairs) / sum(below for _, below in pairs))
        inside += found.low <= 2.0 <= found.high
    assert 180 <= inside <= 199


def test_one_pair_is_no_evidence() -> None:
    found = of_ratio([(3.0, 2.0)])
    assert (found.mean, found.low, found.high, found.count) == (1.5, float("-inf"), float("inf"), 1)
