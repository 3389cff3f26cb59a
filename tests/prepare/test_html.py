"""The step for HTML: every turn is cleaned, the rest of the record stays."""

from __future__ import annotations

from tuneloop.prepare.decision import KEEP, Replace
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn


def chat(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer, weight=0.5)))


def test_tags_go_and_the_rest_stays() -> None:
    decision = steps.create("html").decide_one(chat("退货？", "<p>18天&nbsp;之内。</p>"))
    assert isinstance(decision, Replace)
    assert decision.record == chat("退货？", "18天 之内。")
    assert dict(decision.detail) == {"tags": 2, "entities": 1}


def test_plain_records_are_kept_as_they_are() -> None:
    assert steps.create("html").decide_one(chat("Is 1 < 2?", "Yes.")) is KEEP


def test_it_is_offered_and_not_a_default() -> None:
    from tuneloop.prepare.recipe import PrepareRecipe

    assert "html" in steps.names()
    assert "html" not in [step.name for step in PrepareRecipe().made_steps()]
