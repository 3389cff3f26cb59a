"""The benchmark of objectives: its data hold out what they say, and its gains are taken item by item."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_held_out_pairs_have_topics_and_half_of_them_phrases_that_are_not_trained_on() -> None:
    from harness import preferences

    trained, held_out = preferences.pairs()
    assert preferences.pairs() == (trained, held_out)
    assert len(trained) >= 60
    assert len(held_out) == preferences.HELD_OUT
    for lang, topics in preferences.TOPICS.items():
        asked = [row.messages[0].text for row in trained]
        seen = [row for row in held_out if any(topic in row.messages[0].text for topic in topics)]
        assert len(seen) >= preferences.HELD_OUT // 2
        questions = {phrase.format(topic) for phrase in preferences.ASKED[lang] for topic in topics}
        assert 30 <= len(questions & set(asked)) <= len(asked)
    assert not {row.messages[0].text for row in trained} & {row.messages[0].text for row in held_out}
    last = {phrases[-1][:8] for phrases in preferences.GOOD.values()}
    assert sum(row.chosen[0].text[:8] in last for row in held_out) == preferences.HELD_OUT // 2
    assert not any(row.chosen[0].text[:8] in last for row in trained)
    assert all(good.label and not bad.label for good, bad in map(preferences.rated, held_out))


def test_a_gain_is_taken_item_by_item_over_the_means_of_the_seeds() -> None:
    from harness.effect import Measured, compared

    runs = [
        Measured("dpo", seed, {"margin": [1.0 + seed, 3.0 + seed]}, {"margin": [0.0, 1.0]}, 1.0) for seed in range(2)
    ]
    before, after, gain = compared(runs, "margin")
    assert (before, after, gain.mean, gain.count) == (0.5, 2.5, 2.0, 2)
    assert 1.5 <= gain.low <= gain.high <= 2.5


def test_every_cell_names_an_objective_and_its_metrics() -> None:
    from harness import effect

    assert {"dpo", "kto", "orpo", "simpo", "reward"} <= set(effect.names())
    for name in effect.names():
        cell = effect.cell_of(name)
        assert cell.settings["objective"]
        assert cell.units
