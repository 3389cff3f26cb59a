"""Schedules at chosen steps."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from tuneloop.train.schedules import SCHEDULES, factor


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_rises_to_one_and_never_stands_still(schedule: str) -> None:
    values = [factor(schedule, step, 100, 10) for step in range(100)]  # type: ignore[arg-type]
    assert values[:10] == [(step + 1) / 10 for step in range(10)]
    assert max(values) == 1.0
    assert min(values) > 0
    assert all(after <= before for before, after in pairwise(values[10:]))


def test_each_at_its_middle_and_end() -> None:
    assert factor("constant", 99, 100, 0) == 1.0
    assert factor("linear", 50, 100, 0) == pytest.approx(0.5)
    assert factor("linear", 99, 100, 0) == pytest.approx(0.01)
    assert factor("cosine", 25, 100, 0) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert factor("wsd", 79, 100, 0) == 1.0
    assert factor("wsd", 80, 100, 0) == 1.0
    assert factor("wsd", 90, 100, 0) == pytest.approx(1 - math.sqrt(0.5))


def test_a_run_of_one_step_moves() -> None:
    for schedule in SCHEDULES:
        assert factor(schedule, 0, 1, 0) > 0  # type: ignore[arg-type]
        assert factor(schedule, 0, 1, 1) == 1.0  # type: ignore[arg-type]
