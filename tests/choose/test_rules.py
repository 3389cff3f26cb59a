"""The rules: rows, kinds of record, reasoning, the asked objective and tuner; each with a reason in both languages."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from tests.choose.world import ABLE, OBJECTIVES, TUNERS, rows
from tests.test_wording import HAN

from tuneloop.choose import rules
from tuneloop.choose.recipe import ChooseRecipe
from tuneloop.choose.seen import Seen
from tuneloop.errors import SettingError
from tuneloop.records import Kind, ObjectiveNeeds, TunerTraits


@pytest.mark.parametrize(
    ("count", "first", "takes"),
    [
        (1, "instruct", {"instruct", "hybrid"}),
        (299, "instruct", {"instruct", "hybrid"}),
        (300, "instruct", {"instruct", "base", "hybrid"}),
        (1000, "instruct", {"instruct", "base", "hybrid"}),
        (1001, "base", {"instruct", "base", "hybrid"}),
        (50_000, "base", {"instruct", "base", "hybrid"}),
    ],
)
def test_rows_decide_between_base_and_instruct(count: int, first: str, takes: set[str]) -> None:
    found = rules.kinds(rows(count), "any", "sft")
    assert found.value[0] == first
    assert set(found.value) == takes
    assert f"{count:,}" in found.reason.en
    assert f"{count:,}" in found.reason.zh


def test_a_reasoning_base_needs_answers_with_their_reasoning() -> None:
    assert "reasoning" not in rules.kinds(rows(50_000, thinking=0.4), "any", "sft").value
    assert rules.kinds(rows(100, thinking=0.9), "any", "sft").value == ("reasoning", "hybrid")


def test_continued_pre_training_takes_a_base_model_however_few_the_rows() -> None:
    assert rules.kinds(rows(10, "text"), "any", "cpt").value == ("base",)


@pytest.mark.parametrize("objective", ["dpo", "kto", "grpo"])
def test_preferences_and_rewards_sharpen_what_can_answer_already(objective: str) -> None:
    kinds = rules.kinds(rows(50_000, "preference"), "any", objective).value
    assert kinds[0] == "instruct"
    assert "base" not in kinds


@pytest.mark.parametrize(
    ("kind", "objective"),
    [("text", "cpt"), ("chat", "sft"), ("preference", "dpo"), ("rating", "kto"), ("label", "classify")],
)
def test_the_kind_of_record_decides_the_objective(kind: Kind, objective: str) -> None:
    found = rules.objective(ChooseRecipe(), rows(20, kind), OBJECTIVES)
    assert found.value == objective
    assert "20 of 20" in found.reason.en


def test_most_records_decide() -> None:
    seen = Seen(name="data-1", rows=30, kinds={"text": 10, "chat": 20})
    assert rules.objective(ChooseRecipe(), seen, OBJECTIVES).value == "sft"


def test_grpo_only_when_it_is_asked_for() -> None:
    assert rules.objective(ChooseRecipe(goal="reasoning"), rows(20), OBJECTIVES).value == "sft"
    assert rules.objective(ChooseRecipe(objective="grpo"), rows(20), OBJECTIVES).value == "grpo"


def test_an_objective_that_is_not_installed_is_told() -> None:
    found = rules.objective(ChooseRecipe(), rows(20, "rating"), {"sft": ObjectiveNeeds(("chat",))})
    assert found.value is None
    assert "kto" in found.reason.en


def test_another_objective_for_the_same_records_stands_in() -> None:
    found = rules.objective(ChooseRecipe(), rows(20, "preference"), {"simpo": ObjectiveNeeds(("preference",))})
    assert found.value == "simpo"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "stf"}, "Did you mean 'sft'"),
        ({"objective": "dpo"}, "expected records of kind preference"),
    ],
)
def test_an_asked_objective_is_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        rules.objective(ChooseRecipe(**settings), rows(20), OBJECTIVES)
    assert message in str(caught.value)
    assert "choose.objective" in str(caught.value)


def tried(seen: Seen, chosen: str = "sft", tuners: dict[str, TunerTraits] = TUNERS, **settings: Any) -> tuple[str, ...]:
    found = rules.tuners(ChooseRecipe(**settings), seen, chosen, OBJECTIVES, tuners, encoder=False)
    assert HAN.search(found.reason.zh)
    return tuple(found.value)


def test_much_data_tries_full_tuning_first() -> None:
    assert tried(rows(9_999)) == ("lora", "qlora")
    assert tried(rows(10_000)) == ("full", "lora", "qlora")
    assert tried(rows(100, "text", tokens=20_000_000), "cpt") == ("full", "lora", "qlora")


def test_a_tuner_that_cannot_carry_the_objective_is_not_tried() -> None:
    silent = {**TUNERS, "qlora": TunerTraits(ABLE - {"generation"})}
    assert tried(rows(10), "grpo", silent) == ("lora",)
    assert tried(rows(10), "sft", silent) == ("lora", "qlora")


def test_an_asked_tuner_is_the_only_one_tried() -> None:
    assert tried(rows(50_000), tuner="qlora") == ("qlora",)


def test_an_asked_tuner_is_checked() -> None:
    with pytest.raises(SettingError, match="Did you mean 'lora'"):
        tried(rows(10), tuner="loar")
    with pytest.raises(SettingError, match="cannot be trained with the tuner 'lora'"):
        tried(rows(10), "grpo", {**TUNERS, "lora": TunerTraits(frozenset())}, tuner="lora")


def test_every_reason_stands_in_both_languages() -> None:
    for kind in get_args(Kind):
        for count in (0, 10, 500, 5_000):
            seen = rows(count, kind) if count else Seen()
            objective = rules.objective(ChooseRecipe(), seen, OBJECTIVES)
            for reason in (objective.reason, rules.kinds(seen, "any", objective.value).reason):
                assert "{" not in reason.en + reason.zh
                assert HAN.search(reason.zh)
                assert not HAN.search(reason.en)
