"""The two recipes: valid, and mixed as the model card says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuneloop.recipes import read_recipe

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "starter"
HALF_CHINESE = ("translation", "rows-worlds", "rows-passages", "rows-unknown", "rows-talk")


def shares(name: str) -> dict[str, float]:
    mixture = read_recipe("train", RECIPE / f"{name}.yaml").mixture
    return {source: part / sum(mixture.values()) for source, part in mixture.items()}


@pytest.mark.parametrize("name", ["pretrain", "chat"])
def test_at_least_45_percent_chinese_and_a_third_of_it_programming_at_most(name: str) -> None:
    found = shares(name)
    chinese = sum(part for source, part in found.items() if source.startswith("zh-"))
    chinese += sum(found[source] for source in HALF_CHINESE) / 2
    assert chinese >= 0.45
    assert found["zh-programming"] <= chinese / 3


def test_the_last_stage_is_mostly_rows_from_templates() -> None:
    rows = sum(part for source, part in shares("chat").items() if source.startswith("rows-"))
    assert 0.60 <= rows <= 0.65


def test_both_stages_hold_the_same_worlds_and_sources() -> None:
    assert set(shares("pretrain")) == set(shares("chat"))


def test_reserved_characters_have_one_token_each() -> None:
    from tuneloop.models.tokenizer_training import train_tokenizer

    characters = (RECIPE / "characters.txt").read_text(encoding="utf-8").strip()
    assert len(set(characters)) == len(characters) == 3500
    new = read_recipe("train", RECIPE / "pretrain.yaml").base["new"]
    tokenizer = train_tokenizer(["我们家的猫", "our cat"], new["vocabulary"], characters)
    assert all(len(ids) == 1 for ids in tokenizer.encode_many(list(characters)))
