"""Questions: what a record asks, and which records are drawn."""

from __future__ import annotations

import pytest
from tests.evaluate.world import add_version, chat

from tuneloop.evaluate.questions import question_of
from tuneloop.records import Record, Turn
from tuneloop.store import Workspace
from tuneloop.store.sample import draw

CALL = {"id": "1", "type": "function", "function": {"name": "price", "arguments": "{}"}}


def test_the_last_answer_is_the_reference_and_all_before_it_is_asked() -> None:
    turns = (Turn("system", "客服"), Turn("user", "在吗"), Turn("assistant", "在的"), Turn("user", "运费谁出？"))
    question = question_of(Record("chat", messages=(*turns, Turn("assistant", "我们出。"))))
    assert question is not None
    assert question.messages == turns
    assert (question.text, question.reference, question.language) == ("运费谁出？", "我们出。", "zh")


def test_a_preference_asks_for_the_chosen_answer() -> None:
    record = Record("preference", (), (Turn("user", "hi"),), (Turn("assistant", "hello"),), (Turn("assistant", "go"),))
    question = question_of(record)
    assert question is not None
    assert question.reference == "hello"


def test_an_answer_of_weight_0_is_not_asked_for() -> None:
    turns = (Turn("user", "a"), Turn("assistant", "good"), Turn("user", "b"), Turn("assistant", "bad", weight=0))
    question = question_of(Record("chat", messages=turns))
    assert question is not None
    assert question.reference == "good"


@pytest.mark.parametrize(
    "record",
    [
        Record("text", text="plain"),
        Record("chat", messages=(Turn("user", "hi"),)),
        Record("chat", messages=(Turn("assistant", "hi"),)),
        Record("chat", messages=(Turn("system", "be kind"), Turn("assistant", "hi"))),
        Record("chat", messages=(Turn("user", "hi"), Turn("assistant", "  "))),
        Record("chat", messages=(Turn("user", "price?"), Turn("assistant", "", tool_calls=(CALL,)))),
        Record("rating", messages=(Turn("user", "hi"), Turn("assistant", "hello")), label=True),
    ],
)
def test_a_record_without_question_or_reference_asks_nothing(record: Record) -> None:
    assert question_of(record) is None


def test_the_draw_depends_on_seed_and_ids_alone(ws: Workspace) -> None:
    records = [chat(f"question {number}", "answer") for number in range(300)]
    forwards = add_version(ws, [(record, "test") for record in records])
    backwards = add_version(ws, [(record, "test") for record in reversed(records)])

    def drawn(version: object, most: int, seed: int = 0) -> list[str]:
        return [record.id for record in draw(ws, version, "test", most, seed)]  # type: ignore[arg-type]

    assert drawn(forwards, 50) == drawn(backwards, 50)
    assert drawn(forwards, 50) == drawn(forwards, 200)[:50]
    assert drawn(forwards, 50) != drawn(forwards, 50, seed=1)
    assert set(drawn(forwards, 1000)) == {record.id for record in records}


def test_only_the_split_is_drawn(ws: Workspace) -> None:
    version = add_version(ws, [(chat("a", "b"), "train"), (chat("c", "d"), "test")])
    [record] = draw(ws, version, "test", 10, 0)
    assert record.messages[0].text == "c"


def test_the_language_of_a_short_reference_is_told_with_the_question() -> None:
    question = question_of(chat("Which musical instrument is my brother's?", "trombone"))
    assert question
    assert question.language == "en"
    question = question_of(chat("会员优惠码是多少？", "GLOW27"))
    assert question
    assert question.language == "zh"
