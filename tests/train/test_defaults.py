"""The rules for values that nobody gave: their anchors, their direction, and that each says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tuneloop.train import defaults
from tuneloop.train.defaults import Facts
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.resolve import advice, resolve
from tuneloop.wording import Words

FACTS = Facts(
    parameters=6_500_000,
    positions=1024,
    fresh=False,
    examples=96,
    tokens=4000,
    held_out=0,
    kinds={"chat": 96},
    replay=True,
)
SIZES = [10**5, 6_500_000, 27_000_000, 135_000_000, 10**9, 7 * 10**9, 70 * 10**9]
ROWS = [10, 30, 100, 300, 1000, 3000, 10_000, 100_000, 1_000_000]


def test_learning_rates_meet_the_anchors_and_fall_with_size() -> None:
    rates = {
        form: [defaults.learning_rate(replace(FACTS, parameters=size), form).value for size in SIZES]
        for form in ("adapter", "full")
    }
    rates["fresh"] = [
        defaults.learning_rate(replace(FACTS, parameters=size, fresh=True), "full").value for size in SIZES
    ]
    for row in rates.values():
        assert row == sorted(row, reverse=True)
    at = dict(zip(SIZES, zip(*rates.values(), strict=True), strict=True))
    assert at[6_500_000] == (5e-3, 1e-3, 3e-3)
    assert at[7 * 10**9] == (2e-4, 2e-5, 3e-4)
    assert 0.8e-3 < at[135_000_000][0] < 1.5e-3
    assert 1e-4 < at[135_000_000][1] < 3e-4


def test_more_examples_mean_fewer_passes_and_larger_batches() -> None:
    for size in SIZES:
        facts = [replace(FACTS, parameters=size, examples=count) for count in ROWS]
        passes = [defaults.epochs(one).value for one in facts]
        assert passes == sorted(passes, reverse=True)
        assert 1 <= passes[-1] <= 2
        batches = [defaults.batch(one).value for one in facts]
        assert batches == sorted(batches)
        assert min(batches) >= 4
        ranks = [defaults.rank(one).value for one in facts]
        assert ranks == sorted(ranks)
        assert set(ranks) <= {8, 16, 32}
    assert [defaults.batch(replace(FACTS, examples=count)).value for count in (100, 1000, 10_000)] == [8, 16, 32]


def test_a_larger_model_needs_fewer_passes_over_few_examples() -> None:
    passes = [defaults.epochs(replace(FACTS, parameters=size, examples=100)).value for size in SIZES]
    assert passes == sorted(passes, reverse=True)
    assert (passes[1], passes[-2]) == (20, 5)


def test_a_step_of_text_grows_with_the_corpus() -> None:
    sizes = [defaults.batch_tokens(replace(FACTS, tokens=count)).value for count in (10**4, 10**6, 14 * 10**6, 10**9)]
    assert sizes == sorted(sizes)
    assert sizes[2] == 8192


def test_a_new_model_is_trained_otherwise() -> None:
    recipe = resolve(TrainRecipe(base={"new": {}}), replace(FACTS, fresh=True, replay=False)).recipe
    assert (recipe.objective, recipe.optimizer, recipe.schedule, recipe.epochs) == ("cpt", "muon", "wsd", 1.0)
    assert recipe.tuner == {"name": "full"}
    assert recipe.batch is None
    assert recipe.batch_tokens


def test_without_held_out_examples_there_is_no_validation() -> None:
    recipe = resolve(TrainRecipe(), FACTS).recipe
    assert (recipe.eval_every, recipe.early_stopping) == (0, 0)
    recipe = resolve(TrainRecipe(), replace(FACTS, held_out=20)).recipe
    assert recipe.eval_every
    assert recipe.early_stopping == 3


@pytest.mark.parametrize("count", ROWS)
def test_validation_comes_five_to_twenty_times(count: int) -> None:
    facts = replace(FACTS, examples=count, held_out=10)
    recipe = resolve(TrainRecipe(), facts, steps_per_epoch=max(1, count // 8)).recipe
    steps = round((recipe.epochs or 0) * max(1, count // 8))
    assert 4 <= steps // (recipe.eval_every or 1) <= 20


def test_small_data_on_the_starter_is_mixed_with_replay() -> None:
    assert resolve(TrainRecipe(), FACTS).recipe.replay == 0.3
    assert resolve(TrainRecipe(), replace(FACTS, replay=False)).recipe.replay == 0.0
    assert resolve(TrainRecipe(), replace(FACTS, examples=5000)).recipe.replay == 0.0


def test_what_was_given_stays() -> None:
    given = TrainRecipe(learning_rate=0.5, epochs=2, batch_tokens=99, tuner={"name": "lora", "rank": 3}, warmup=7)
    resolved = resolve(given, FACTS)
    recipe = resolved.recipe
    assert (recipe.learning_rate, recipe.epochs, recipe.batch, recipe.batch_tokens, recipe.warmup) == (
        0.5,
        2,
        None,
        99,
        7,
    )
    assert isinstance(recipe.tuner, dict)
    assert (recipe.tuner["rank"], recipe.tuner["alpha"]) == (3, 6.0)
    assert resolved.origins["learning_rate"] == "recipe"
    assert "tuner.rank" not in resolved.origins


def test_every_derived_value_has_a_reason_in_both_languages() -> None:
    resolved = resolve(TrainRecipe(), FACTS)
    told = advice(resolved)
    assert {"epochs", "batch", "learning_rate", "tuner.rank", "max_length"} <= {one.topic for one in told}
    for one in told:
        assert isinstance(one.text, Words)
        assert one.text.en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in one.text.zh)
    assert not [
        key
        for key, value in resolved.recipe
        if value is None and key not in ("data", "max_steps", "mixture", "batch_tokens", "replay_data", "stages")
    ]
