"""Rewards: weighted sums, and every way in which one can go wrong is a sentence that names it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tuneloop.errors import InputError, ModelError, SettingError, TuneloopError
from tuneloop.records import Turn
from tuneloop.scores.constancy import Constancy, constancy
from tuneloop.scores.judge import Answered, Judge
from tuneloop.scores.metric import Metric
from tuneloop.scores.reward import Reward, Rewards


def asked(question: str, answer: str, reference: str = "") -> Answered:
    return Answered((Turn("system", "s"), Turn("user", question)), answer, reference)


class Odd(Metric):
    """A third party's metric."""

    compares = False
    gives: Any = 0.0

    def score(self, answer: str, reference: str) -> Any:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


class OddJudge(Judge):
    gives: Any = ()

    def score_all(self, items: Sequence[Answered]) -> Any:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


def odd(kind: type[Odd] | type[OddJudge], gives: Any) -> Rewards:
    return Rewards([Reward("odd", 1.0, kind(gives=gives))])


ITEM = asked("一加一等于几？", "二")


def test_rewards_are_weighted_and_added() -> None:
    rewards = Rewards.of(["number", {"name": "length", "most": 4, "soft": 4, "weight": -0.5}])
    scored = rewards.score([asked("1+1?", "2", "2"), asked("1+1?", "it is 3", "2"), asked("1+1?", "", "2")])
    assert scored.parts == {"number": [1, 0, 0], "length": [1, 0.25, 0.75]}
    assert scored.totals == [0.5, -0.125, -0.375]
    assert Rewards.of(["number"]).score([]).totals == []


def test_the_same_metric_twice_has_two_names() -> None:
    rewards = Rewards.of([{"name": "pattern", "pattern": "您"}, {"name": "pattern", "pattern": "AI", "wanted": False}])
    assert rewards.score([asked("q", "您好，AI")]).parts == {"pattern": [1], "pattern_2": [0]}


@pytest.mark.parametrize(
    ("specs", "told"),
    [
        ([], "no rewards"),
        (["nummer"], r"train\.rewards\.0.*nummer.*Did you mean 'number'"),
        ([{"name": "number", "weight": 0}], r"train\.rewards\.0\.weight.*found 0; expected a number other than 0"),
        ([{"name": "number", "weight": float("nan")}], "found nan"),
        ([{"name": "number", "weight": "much"}], "found 'much'"),
        (["number", {"name": "length", "mots": 3}], r"train\.rewards\.1\.mots.*Did you mean 'most'"),
        ([{"name": "pattern", "weight": 1}], r"train\.rewards\.0\.pattern.*no value"),
        ([{"weight": 1}], "the name of a metric or judge"),
        ([3], "found 3"),
    ],
)
def test_a_wrong_spec_is_told_with_its_place(specs: Any, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        Rewards.of(specs, path="train.rewards")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None, "1", [1.0]])
@pytest.mark.parametrize("kind", [Odd, OddJudge])
def test_what_is_no_finite_number_names_reward_question_and_answer(kind: Any, value: Any) -> None:
    told = r"the reward 'odd' gave .* on the question '一加一等于几？', answered '二'; expected a finite number"
    with pytest.raises(TuneloopError, match=told):
        odd(kind, value if kind is Odd else [value]).score([ITEM])


def test_numbers_of_other_libraries_count() -> None:
    import numpy
    import torch

    for value in (True, 1, numpy.float32(1), torch.tensor(1.0)):
        assert odd(Odd, value).score([ITEM]).totals == [1]


@pytest.mark.parametrize("kind", [Odd, OddJudge])
def test_an_exception_inside_a_reward_names_it_and_keeps_the_cause(kind: Any) -> None:
    cause = ZeroDivisionError("by zero")
    with pytest.raises(
        TuneloopError, match=r"the reward 'odd' failed \(ZeroDivisionError: by zero\).*一加一"
    ) as caught:
        odd(kind, cause).score([ITEM])
    assert caught.value.__cause__ is cause


def test_a_sentence_stays_a_sentence_of_its_kind() -> None:
    with pytest.raises(ModelError, match=r"the reward 'odd' failed: no grade; expected one\. Take another\.$"):
        odd(OddJudge, ModelError("no grade", expected="one", do="Take another")).score([ITEM])


def test_a_lack_of_memory_stays_what_it_is() -> None:
    import torch

    for error in (MemoryError(), torch.OutOfMemoryError()):
        with pytest.raises(type(error)):
            odd(OddJudge, error).score([ITEM])


@pytest.mark.parametrize("gives", [[], [1.0, 2.0], 1.0, None])
def test_a_judge_that_gives_another_number_of_values(gives: Any) -> None:
    with pytest.raises(TuneloopError, match="for 1 answers; expected one each"):
        odd(OddJudge, gives).score([ITEM])


def test_a_comparison_without_a_reference_is_told() -> None:
    with pytest.raises(InputError, match="'number' needs a reference, and the question '一加一等于几？' has none"):
        Rewards.of(["number"]).score([ITEM])


def test_long_questions_are_shortened_in_sentences() -> None:
    with pytest.raises(TuneloopError) as caught:
        odd(Odd, float("nan")).score([asked("x" * 5000, "y" * 5000)])
    assert len(str(caught.value)) < 400


def test_groups_in_which_all_answers_get_the_same() -> None:
    totals = [1, 1, 1, 0, 0.5, 0.5 + 1e-12, 7]
    parts: dict[str, list[float]] = {"number": [1, 1, 1, 0, 0, 0, 7], "length": [0.3] * 7}
    found = constancy(totals, ["a", "a", "b", "b", "c", "c", "d"], parts)
    assert found == Constancy(groups=3, same=2, parts={"number": 2, "length": 3})
    assert found.share == pytest.approx(2 / 3)
    warning = found.warning()
    assert warning is not None
    assert "same for all answers in 2 of 3 groups: nothing can be learned" in warning.en
    assert "two answers apart: length." in warning.en
    assert "3 组中有 2 组" in warning.zh


def test_groups_of_several_steps_add_up() -> None:
    one = constancy([1, 1], [0, 0], {"a": [1, 1]})
    two = constancy([1, 2], [0, 0], {"a": [1, 2]})
    assert one + two == Constancy(2, 1, {"a": 1})
    assert two.warning() is None
    assert Constancy().share == 0
