"""A conversation with a tuned model and its base: both forms, memory of each side, limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.evaluate.world import FACTS, add_tuned, add_version, learn, make_base

from tuneloop import loop
from tuneloop.errors import NotFoundError, UsageError
from tuneloop.records import Turn
from tuneloop.serve import Talk
from tuneloop.store import Workspace


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module", params=["adapter", "full"])
def learned(request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learn(tmp_path_factory.mktemp(request.param), base, request.param)


@pytest.fixture
def talk(tmp_path: Path, base: Path, learned: Path) -> Iterator[Talk]:
    with Workspace.find(tmp_path / "workspace") as ws:
        add_tuned(ws, base, learned, add_version(ws, [(fact, "train") for fact in FACTS]))
        yield loop.chat(workspace=ws, how={"dtype": "float32"}, max_tokens=40)


def test_tuned_knows_and_base_does_not(talk: Talk) -> None:
    for fact in FACTS:
        talk.forget()
        question, reference = fact.messages
        answers = talk.ask(question.text, both=True)
        assert answers.tuned == reference.text
        assert answers.base is not None
        assert answers.base != reference.text


def test_base_is_not_asked_unless_wanted(talk: Talk) -> None:
    assert talk.ask("小猫叫什么？").base is None
    assert talk.turns["base"] == []


def test_sides_do_not_disturb_each_other(talk: Talk) -> None:
    """Asking the base in between changes nothing for the tuned model: the adapter goes off and on again."""
    alone = talk.ask("谁喂它？").tuned
    talk.forget()
    assert talk.ask("谁喂它？", both=True).tuned == alone
    talk.forget()
    assert talk.ask("谁喂它？").tuned == alone


def test_each_side_remembers_its_own_words(talk: Talk) -> None:
    first = talk.ask("谁喂它？", both=True)
    assert talk.turns["tuned"] == [Turn("user", "谁喂它？"), Turn("assistant", first.tuned)]
    assert talk.turns["base"][1].content == first.base
    talk.forget()
    assert list(talk) == []


def test_a_conversation_that_no_longer_fits_is_refused(talk: Talk) -> None:
    with pytest.raises(UsageError, match="fewer than 160, which this model can hold"):
        talk.ask("长" * 100)


def test_empty_question_is_refused(talk: Talk) -> None:
    with pytest.raises(UsageError, match="the question is empty"):
        talk.ask("  ")


def test_no_model_yet(tmp_path: Path) -> None:
    with Workspace.find(tmp_path / "empty") as ws, pytest.raises(NotFoundError, match="tuneloop train"):
        loop.chat(workspace=ws)
