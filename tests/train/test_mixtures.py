"""The order of examples: complete, seeded, and in the shares that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from tuneloop.errors import SettingError
from tuneloop.train.mixtures import order, quotas, repeats

LENGTHS = np.random.default_rng(0).integers(5, 60, 300)
GROUPS = np.repeat([0, 1, 2], [200, 80, 20])
SIZES = {name: int(LENGTHS[number == GROUPS].sum()) for number, name in enumerate(["zh-a", "zh-b", "en"])}


def test_an_epoch_is_every_example_once() -> None:
    for epoch in range(3):
        assert sorted(order(LENGTHS, GROUPS, None, 7, epoch)) == list(range(300))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    first = order(LENGTHS, GROUPS, None, 7, 1)
    assert (first == order(LENGTHS, GROUPS, None, 7, 1)).all()
    assert (first != order(LENGTHS, GROUPS, None, 7, 2)).any()
    assert (first != order(LENGTHS, GROUPS, None, 8, 1)).any()
    mixed = order(LENGTHS, GROUPS, [3000, 3000, 3000], 7, 4)
    assert (mixed == order(LENGTHS, GROUPS, [3000, 3000, 3000], 7, 4)).all()


def test_shares_are_kept_and_small_groups_repeat() -> None:
    quota = quotas(SIZES, {"zh-*": 50, "en": 50}, 0.0)
    assert quota is not None
    assert sum(quota) == pytest.approx(sum(SIZES.values()), abs=3)
    counts = np.zeros(300, dtype=int)
    tokens = np.zeros(3)
    for epoch in range(4):
        chosen = order(LENGTHS, GROUPS, quota, 1, epoch)
        np.add.at(counts, chosen, 1)
        tokens += np.bincount(GROUPS[chosen], weights=LENGTHS[chosen], minlength=3)
    assert tokens[2] / tokens.sum() == pytest.approx(0.5, abs=0.01)
    assert tokens[0] / tokens[1] == pytest.approx(SIZES["zh-a"] / SIZES["zh-b"], rel=0.05)
    told = repeats(SIZES, quota, 4)
    for group, name in enumerate(SIZES):
        seen = counts[group == GROUPS]
        assert seen.max() - seen.min() <= 1  # nobody is favoured inside a group
        assert seen.mean() == pytest.approx(told[name], abs=0.25)


def test_replay_comes_on_top_of_the_data() -> None:
    sizes = {"facts": 1000, "replay": 9000}
    assert quotas(sizes, None, 0.3) == [1000, round(1000 * 0.3 / 0.7)]
    assert quotas({"facts": 1000}, None, 0.0) is None


def test_mistakes_in_a_mixture_are_named() -> None:
    with pytest.raises(SettingError, match=r"no source 'zhh'.*mixture|mixture.*no source 'zhh'"):
        quotas(SIZES, {"zhh": 1}, 0.0)
    with pytest.raises(SettingError, match="one above"):
        quotas(SIZES, {"en": 0}, 0.0)
