"""What is asked must be answered."""

import pytest

from tuneloop.prepare.decision import KEEP, Drop, Replace
from tuneloop.prepare.step import steps
from tuneloop.records import Part, Record, Turn

USER = Turn("user", "在吗？")


def decide(record: Record, **settings):
    return steps.create({"name": "empty_answers", **settings}).decide_one(record)


def answer(text: str = "", **more) -> Record:
    return Record("chat", messages=(USER, Turn("assistant", text, **more)))


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "record",
    [
        answer("在的。"),
        answer("……"),
        answer("👍"),
        answer("无"),
        answer(tool_calls=(CALL,)),
        Record("chat", messages=(Turn("system", "你是小猫"), Turn("assistant", "喵"))),
        Record("text", text="一"),
        Record("label", messages=(Turn("user", (Part("image", blob="sha256:0"),)),), label="猫"),
        Record("rating", messages=(USER, Turn("assistant", "在")), label=True),
    ],
)
def test_what_says_something_is_kept(record):
    assert decide(record) == KEEP


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record("text", text=" \n"), "empty_text"),
        (Record("label", text="", label="a"), "empty_text"),
        (Record("chat", messages=(Turn("system", "你是小猫"),)), "no_answer"),
        (Record("chat", messages=(USER,)), "no_answer"),
        (answer("喵", weight=0), "no_answer"),
        (Record("chat", messages=(Turn("assistant", "喵"),)), "no_question"),
        (answer("　"), "empty_answer"),
        (answer("NaN"), "empty_answer"),
        (answer("N/A "), "empty_answer"),
        (Record("preference", messages=(USER,), chosen=(Turn("assistant", "在"),)), "no_answer"),
        (
            Record(
                "preference", messages=(USER,), chosen=(Turn("assistant", "在"),), rejected=(Turn("assistant", "在"),)
            ),
            "equal_sides",
        ),
        (Record("rating", messages=(USER, Turn("assistant", "")), label=False), "empty_answer"),
    ],
)
def test_what_says_nothing_is_dropped(record, reason):
    assert decide(record) == Drop(reason)


def test_a_blank_answer_among_others_is_kept_out_of_the_loss():
    turns = (USER, Turn("assistant", "在"), Turn("user", "几点？"), Turn("assistant", " "))
    decision = decide(Record("chat", messages=turns))
    assert isinstance(decision, Replace)
    assert [turn.weight for turn in decision.record.messages] == [None, None, None, 0]
    assert decision.detail == {"silenced": 1}
    assert decide(decision.record) == KEEP


def test_punctuation_alone_is_empty_when_asked_for():
    assert decide(answer("……"), punctuation=True) == Drop("empty_answer")
    assert decide(answer("在……"), punctuation=True) == KEEP
    assert decide(answer("👍"), punctuation=True) == KEEP
