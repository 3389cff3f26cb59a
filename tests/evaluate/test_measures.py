"""The numbers and sentences of a report: right per language, and never surer than the questions allow."""

from __future__ import annotations

import pytest

from tuneloop.evaluate import measures, sentences
from tuneloop.evaluate.measures import Scored
from tuneloop.scores.interval import Interval


def summed(base: list[float], tuned: list[float], groups: list[str]) -> dict[str, dict[str, float]]:
    found = measures.summed_up(Scored(groups, {"base": {"contains": base}, "tuned": {"contains": tuned}}), seed=0)
    counts = {f"questions@{group}": float(groups.count(group)) for group in sorted(set(groups))}
    return {**found, "counts": {"questions": float(len(groups)), **(counts if len(counts) > 1 else {})}}


def test_means_are_told_in_all_and_per_language() -> None:
    metrics = summed([0, 0, 1, 0], [1, 1, 1, 0], ["zh", "zh", "en", "en"])
    assert metrics["base"]["contains"] == 0.25
    assert metrics["tuned"]["contains@zh"] == 1
    assert metrics["tuned"]["contains@en"] == 0.5
    assert metrics["difference"]["contains@zh"] == 1
    assert measures.groups(metrics) == ["en", "zh"]
    interval = measures.interval_of(metrics, "tuned", "contains", "zh")
    assert interval is not None
    assert interval.count == 2
    assert interval.low < 0.5  # two right of two is not proof of always


def test_one_language_is_not_told_twice() -> None:
    assert measures.groups(summed([0, 1], [1, 1], ["zh", "zh"])) == []


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(0.3, 0.1, 0.5, 40), "better by 30 points (+10 to +50)"),
        (Interval(-0.3, -0.5, -0.1, 40), "worse by 30 points (-50 to -10)"),
        (Interval(0.1, -0.05, 0.2, 40), "no clear difference: 10 points (-5 to +20)"),
    ],
)
def test_a_difference_is_called_clear_only_when_its_interval_is(interval: Interval, expected: str) -> None:
    assert sentences.certainty(interval).en == expected


def test_few_questions_and_everything_left_out_is_said() -> None:
    counts = {
        "questions": 8.0,
        "available": 20.0,
        "unasked": 1.0,
        "too_long": 2.0,
        "unfinished": 3.0,
        "cut": 4.0,
        "aside": 5.0,
        "validation": 20.0,
    }
    said = [note.en for note in sentences.notes({"counts": counts})]
    assert len(said) == 8
    assert said[1].startswith("Only 8 questions")
    assert [note.rpartition(" ")[2] for note in said[3:]] == ["1.", "2.", "3.", "4.", "5."]
    assert "flatter" in said[0]
    assert all("{" not in note.zh for note in sentences.notes({"counts": counts}))


def test_nothing_asked_is_said_and_the_loss_leads() -> None:
    metrics = {"base": {"loss": 3.0}, "tuned": {"loss": 1.5}, "counts": {"questions": 0.0}}
    assert sentences.headline(metrics).en == "Loss: 3.000 → 1.500."
    assert "only the loss" in next(iter(sentences.notes(metrics))).en
