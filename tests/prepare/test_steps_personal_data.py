"""Personal data is replaced everywhere in a record, the same value by the same pseudonym, and only once."""

import json
import pickle
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.errors import SettingError
from tuneloop.prepare.decision import KEEP, Keep, Replace
from tuneloop.prepare.step import StepContext, steps
from tuneloop.prepare.tally import Tally
from tuneloop.records import Record, Turn


def make(secret: bytes = b"secret", **settings):
    return steps.create({"name": "personal_data", **settings}).start(StepContext(secret))


def replaced(text: str, step=None) -> str:
    decision = (step or make()).decide_one(Record("text", text=text))
    assert isinstance(decision, Replace)
    return decision.record.text


def test_one_value_has_one_pseudonym_however_it_is_written():
    text = replaced("手机13812345678，也可打138 1234 5678或+86 138-1234-5678，不要打13912345678。")
    found = re.findall(r"\[手机号-[0-9A-Z]{8}\]", text)
    assert len(found) == 4
    assert len(set(found)) == 2
    assert found[0] == found[1] == found[2]
    assert text.startswith("手机[手机号-")
    assert text.endswith("]。")


def test_the_label_is_in_the_language_of_the_record_and_the_sign_is_not():
    english = replaced("Please write to Bob at bob@example.com about the order.")
    chinese = replaced("订单的事请写信给小王：BOB@example.com，谢谢。")
    sign = re.search(r"\[EMAIL-([0-9A-Z]{8})\]", english)[1]
    assert f"[邮箱-{sign}]" in chinese


def test_another_secret_gives_other_pseudonyms_and_pickling_gives_the_same():
    text = "电话13812345678"
    assert replaced(text, make(b"one")) != replaced(text, make(b"two"))
    assert replaced(text, pickle.loads(pickle.dumps(make(b"one")))) == replaced(text, make(b"one"))  # noqa: S301


def test_all_parts_of_a_record_are_searched():
    call = {"function": {"name": "call", "arguments": '{"phone": 13812345678, "note": "邮箱a@b.com", "n": 5}'}}
    record = Record(
        "chat",
        messages=(
            Turn("system", "客服工号无"),
            Turn("user", "我是13812345678", name="a@b.com"),
            Turn("assistant", "好的", reasoning="号码13812345678", tool_calls=(call,)),
        ),
    )
    decision = make().decide_one(record)
    assert decision.detail == {"mobile": 3, "email": 2}
    written = json.dumps(decision.record.payload(), ensure_ascii=False)
    assert "138" not in written
    assert "a@b" not in written
    arguments = json.loads(decision.record.messages[2].tool_calls[0]["function"]["arguments"])
    assert arguments["n"] == 5
    assert arguments["phone"] == decision.record.messages[1].content.removeprefix("我是")


def test_redact_and_flag():
    assert replaced("手机13812345678", make(mode="redact")) == "手机[手机号]"
    assert make(mode="flag").decide_one(Record("text", text="手机13812345678")) == Keep(("personal_data",))


def test_only_the_wanted_types_and_only_what_is_sure_enough():
    step = make(types=["email"])
    assert step.decide_one(Record("text", text="手机13812345678")) == KEEP
    assert make(confidence=0.9).decide_one(Record("text", text="单独的13812345678")) == KEEP
    with pytest.raises(SettingError, match="did you mean 'email'"):
        make(types=["emial"])


def test_what_is_replaced_is_private():
    assert make().private


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "手机13812345678",
                "a@b.com",
                "京A12345",
                "密码是abc123!x",
                "[手机号-K7QM2XVB]",
                "你好，",
                "10.20.30.40 ",
                "x",
            ]
        ),
        max_size=6,
    )
)
def test_a_second_time_finds_nothing(pieces):
    text = "".join(pieces)
    decision = make().decide_one(Record("text", text=text))
    after = decision.record if isinstance(decision, Replace) else Record("text", text=text)
    assert make().decide_one(after) == KEEP


def test_kinds_that_are_left():
    text = "My name is Linda Allen, call 13812345678."
    left = replaced(text, make(leave=["person_name_en"]))
    assert re.fullmatch(r"My name is Linda Allen, call \[MOBILE-[0-9A-Z]{8}\]\.", left)
    alone = make(types=["person_name_en"], leave=["person_name_en"])
    assert alone.decide_one(Record("text", text=text)) == KEEP
    with pytest.raises(SettingError, match="and none is called 'person_name_e'; did you mean 'person_name_en'"):
        make(leave=["person_name_e"])
    with pytest.raises(SettingError, match="in leave only kinds that types names, and not mobile"):
        make(types=["email"], leave=["mobile"])


def test_names_that_gave_way_are_told_with_the_setting_that_leaves_them():
    step = make(leave=["mobile"])
    told = list(step.advise(Tally(edits=Counter(person_name_zh=2, person_name_en=1, email=4))))
    assert [(one.topic, one.value) for one in told] == [("names", 3)]
    assert "'steps.personal_data.leave=[mobile,person_name_en,person_name_zh]'" in told[0].text.en
    assert "3 处人名" in told[0].text.zh
    assert list(step.advise(Tally(edits=Counter(email=4)))) == []


def test_a_name_said_in_one_turn_gives_way_in_all_with_one_pseudonym():
    turns = (
        Turn("user", "我叫李雷，手机13812345678，订单没到。"),
        Turn("assistant", "李雷您好，李雷的订单在途。"),
        Turn("user", "李先生等着呢。"),
        Turn("assistant", "好的。", tool_calls=({"function": {"name": "f", "arguments": '{"who": "李雷", "n": 2}'}},)),
    )
    changed = make().decide_one(Record("chat", messages=turns)).record
    assert "李" not in str(changed.payload())
    assert len(set(re.findall(r"\[姓名-[0-9A-Z]{8}\]", str(changed.payload())))) == 1
    assert make().decide_one(changed) == KEEP
    left = make(leave=["person_name_zh"]).decide_one(Record("chat", messages=turns)).record
    assert left.messages[1] == turns[1]
