"""What the starter is measured by: enough facts and questions, told apart, and one rule for a right answer."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from tuneloop.app.demo.facts import Fact, facts, named, read, right, unrelated

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks" / "starter"
SETS = {
    "demo": facts(),
    "theatre": read((BENCHMARKS / "theatre.yaml").read_text(encoding="utf-8")),
    "observatory": read((BENCHMARKS / "observatory.yaml").read_text(encoding="utf-8")),
}


def plain(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKC", text).lower() if one.isalnum())


def test_the_demo_has_the_promised_size() -> None:
    demo = SETS["demo"]
    assert len(demo) >= 30
    assert sum(fact.lang == "zh" for fact in demo) * 2 == len(demo)
    assert all(len(fact.trained) == 3 for fact in demo)
    assert sum(len(fact.asked) for fact in demo) >= 100
    assert len(unrelated()) == 14


@pytest.mark.parametrize("name", ["theatre", "observatory"])
def test_the_other_sets_have_the_promised_size(name: str) -> None:
    known = SETS[name]
    assert len(known) == 10
    assert all(len(fact.trained) == 2 and len(fact.asked) == 2 for fact in known)


@pytest.mark.parametrize("name", SETS)
def test_no_asked_question_is_trained_on(name: str) -> None:
    trained = {plain(question) for fact in SETS[name] for question, _ in fact.trained}
    asked = [plain(question) for fact in SETS[name] for question in fact.asked]
    assert len(set(asked)) == len(asked)
    assert not trained & set(asked)


@pytest.mark.parametrize("name", SETS)
def test_every_trained_answer_is_right_and_no_question_gives_it_away(name: str) -> None:
    known = SETS[name]
    for fact in known:
        assert all(right(answer, fact, known) for _, answer in fact.trained), fact.id
        assert not any(fact.within(question) for question in fact.asked), fact.id
    assert not any(named(question, known) for question in unrelated())


def fact(value: str, *accept: str) -> Fact:
    return Fact("one", "en", "test", value, (), (), accept)


def test_a_second_fact_in_the_answer_makes_it_wrong() -> None:
    cat, dog = fact("Waffles"), fact("Rex")
    assert right("The cat is waffles.", cat, [cat, dog])
    assert not right("The cat is Waffles or Rex.", cat, [cat, dog])
    assert not right("The cat is Rex.", cat, [cat, dog])


def test_latin_values_count_as_whole_words_only() -> None:
    assert not fact("wind").within("Look out of the window.")
    assert fact("wind").within("The WIND is strong.")
    assert not fact("8:45").within("At 18:45.")
    assert fact("$62").within("It is $62.")
    assert not fact("$62").within("It is $620.")


def test_full_width_and_other_spellings_count() -> None:
    assert fact("18天", "十八天").within("您有十八天。")
    assert fact("18天").within("您有１８天。")
    assert not fact("18天").within("您有118天。")
