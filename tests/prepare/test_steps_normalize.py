"""Normalization of whole records: every text, also inside tool calls, and nothing else."""

from tuneloop.prepare.decision import KEEP, Keep, Replace
from tuneloop.prepare.step import steps
from tuneloop.records import Part, Record, Turn

STEP = steps.create("normalize")


def test_every_text_of_a_record_is_normalized_and_counted():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"城市": "北\\u200b京", "n": 1}'}}
    record = Record(
        "chat",
        messages=(
            Turn("user", (Part("text", "看\u200b图"), Part("image", blob="sha256:0"))),
            Turn("assistant", "好\r\n的", reasoning="想\x00想", tool_calls=(call,)),
        ),
    )
    decision = STEP.decide_one(record)
    assert isinstance(decision, Replace)
    user, assistant = decision.record.messages
    assert user.content == (Part("text", "看图"), Part("image", blob="sha256:0"))
    assert (assistant.content, assistant.reasoning) == ("好\n的", "想想")
    assert assistant.tool_calls[0]["function"] == {"name": "f", "arguments": '{"城市": "北京", "n": 1}'}
    assert decision.detail == {"zero_width": 2, "line_breaks": 1, "control": 1}
    assert STEP.decide_one(decision.record) == KEEP


def test_arguments_that_need_nothing_stay_as_they_were_written():
    call = {"function": {"name": "f", "arguments": '{"a":1,  "b": "\\u4f60"}'}}
    broken = {"function": {"name": "f", "arguments": "{a: 1"}}
    assert STEP.decide_one(Record("chat", messages=(Turn("assistant", tool_calls=(call, broken)),))) == KEEP


def test_lost_characters_are_flagged_and_stay():
    assert STEP.decide_one(Record("text", text="价格锟斤拷元")) == Keep(("lost_characters",))
    decision = STEP.decide_one(Record("text", text="价格锟斤拷元\r\n"))
    assert isinstance(decision, Replace)
    assert decision.flags == ("lost_characters",)
