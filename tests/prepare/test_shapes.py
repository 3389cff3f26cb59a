"""What rows mean: recognized without a script, mapped by the recipe, and checked field by field."""

from __future__ import annotations

import json

import pytest

from tuneloop.errors import InputError, SettingError
from tuneloop.prepare.shape import read_rows, shapes

ASK, SAY = {"role": "user", "content": "你好"}, {"role": "assistant", "content": "您好"}
HUMAN, GPT = {"from": "human", "value": "你好"}, {"from": "gpt", "value": "您好"}

EXAMPLES = {
    "openai": [{"messages": [ASK, SAY]}],
    "sharegpt": [{"conversations": [HUMAN, GPT], "id": "1"}],
    "alpaca": [{"instruction": "翻译", "input": "猫", "output": "cat"}],
    "prompt_completion": [{"prompt": "2+2=", "completion": "4"}],
    "qa_columns": [{"department": "内科", "title": "高血压", "ask": "能吃什么？", "answer": "少盐"}],
    "preference": [{"prompt": "hi", "chosen": "hello", "rejected": "go"}],
    "kto": [{"messages": [ASK, SAY], "label": True}],
    "label": [{"label": 1, "review": "很好吃"}, {"label": 0, "review": "太慢"}],
    "plain_text": [{"text": "一段文字", "url": "x"}],
    "dialogue": [{"utterances": [{"speaker": "user", "text": "hi"}, {"speaker": "assistant", "text": "hello"}]}],
}


def test_every_shape_has_an_example():
    assert sorted(EXAMPLES) == shapes.names()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_shapes_are_recognized(name):
    reading = read_rows(EXAMPLES[name])
    assert reading.shape.name == name
    assert reading.record(EXAMPLES[name][0]).id.startswith("r1:")


def record(row, **options):
    return read_rows([row], **options).record(row)


def payload(row, **options):
    return record(row, **options).payload()


def chat(*turns):
    return {"kind": "chat", "messages": [{"role": role, "content": content} for role, content in turns]}


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"instruction": "翻译", "input": "猫", "output": "cat"}, [("user", "翻译\n猫"), ("assistant", "cat")]),
        ({"instruction": "说", "input": "", "output": "好"}, [("user", "说"), ("assistant", "好")]),
        (
            {"instruction": "b", "output": "B", "history": [["a", "A"]], "system": "S"},
            [("system", "S"), ("user", "a"), ("assistant", "A"), ("user", "b"), ("assistant", "B")],
        ),
        ({"question": "多少?", "answer": 42}, [("user", "多少?"), ("assistant", "42")]),
        ({"问题": "在吗", "答案": "在", "序号": 1}, [("user", "在吗"), ("assistant", "在")]),
        ({"Question": "q", "Response": "a"}, [("user", "q"), ("assistant", "a")]),
        ({"prompt": [ASK], "completion": [SAY]}, [("user", "你好"), ("assistant", "您好")]),
        ({"conversations": [HUMAN, GPT], "system": "S"}, [("system", "S"), ("user", "你好"), ("assistant", "您好")]),
        ({"messages": json.dumps([ASK, SAY])}, [("user", "你好"), ("assistant", "您好")]),
        (
            {"messages": [{"role": "usr", "content": "q"}, {"role": "sys", "content": "a"}]},
            [("user", "q"), ("assistant", "a")],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                    SAY,
                ]
            },
            [("user", "ab"), ("assistant", "您好")],
        ),
        (
            {
                "dialog": [
                    {"speaker": "客户", "text": "在吗"},
                    {"speaker": "客户", "text": "急"},
                    {"speaker": "客服", "text": "在"},
                ]
            },
            [("user", "在吗\n急"), ("assistant", "在")],
        ),
    ],
)
def test_instructions_and_dialogues(row, turns):
    assert payload(row) == chat(*turns)


def test_tools_calls_weights_and_names():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "北京"}'}}
    messages = [
        {"role": "user", "content": "天气?", "name": "小王"},
        {"role": "assistant", "content": None, "tool_calls": [call], "weight": 0},
        {"role": "tool", "content": "晴", "tool_call_id": "c1"},
        {"role": "assistant", "content": "晴天", "weight": 1},
    ]
    found = record({"messages": messages, "tools": tools})
    assert found.tools == tuple(tools)
    assert found.messages[0].name == "小王"
    assert (found.messages[1].tool_calls, found.messages[1].weight, found.messages[1].content) == ((call,), 0.0, "")
    assert found.messages[2].tool_call_id == "c1"
    assert found.messages[3].weight is None


def test_legacy_functions_and_sharegpt_calls_become_the_same_record():
    bare = {"name": "weather", "parameters": {}}
    legacy = {
        "messages": [
            ASK,
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "weather", "arguments": '{"city": "北京"}'},
            },
            {"role": "function", "name": "weather", "content": "晴"},
            SAY,
        ],
        "functions": [bare],
    }
    sharegpt = {
        "conversations": [
            HUMAN,
            {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "北京"}}'},
            {"from": "observation", "value": "晴"},
            GPT,
        ],
        "tools": json.dumps([bare]),
    }
    assert payload(legacy) == payload(sharegpt)
    assert (
        payload(legacy)["messages"][1]["tool_calls"][0]["id"]
        == payload(legacy)["messages"][2]["tool_call_id"]
        == "call_0"
    )


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hi", "chosen": "hello", "rejected": "go"},
        {
            "conversations": [{"from": "human", "value": "hi"}],
            "chosen": {"from": "gpt", "value": "hello"},
            "rejected": {"from": "gpt", "value": "go"},
        },
        {
            "input": {"messages": [{"role": "user", "content": "hi"}], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [{"role": "assistant", "content": "hello"}],
            "non_preferred_output": [{"role": "assistant", "content": "go"}],
        },
        {
            "chosen": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
            "rejected": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "go"}],
        },
    ],
)
def test_all_ways_to_write_a_preference_are_one_record(row):
    assert payload(row) == {
        "kind": "preference",
        "messages": [{"role": "user", "content": "hi"}],
        "chosen": [{"role": "assistant", "content": "hello"}],
        "rejected": [{"role": "assistant", "content": "go"}],
    }


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ({"messages": [ASK, SAY], "label": False}, False),
        ({"prompt": "你好", "completion": "您好", "label": "1"}, True),
        ({"conversations": [HUMAN, GPT], "kto_tag": "true"}, True),
        ({"问题": "你好", "回答": "您好", "评价": "差"}, False),
    ],
)
def test_rated_answers(row, good):
    found = record(row)
    assert (found.kind, found.label, [turn.text for turn in found.messages]) == ("rating", good, ["你好", "您好"])


def test_classes_are_names_or_numbers():
    assert payload({"text": "好", "label": 3}) == {"kind": "label", "text": "好", "label": "3"}
    rows = [{"text": f"标题{n}", "label": n % 2} for n in range(4)]
    assert read_rows(rows, shape={"name": "label", "names": ["体育", "财经"]}).record(rows[1]).label == "财经"


def test_tables_without_names():
    rows = [{"column_1": "ham" if n % 3 else "spam", "column_2": f"message number {n}"} for n in range(20)]
    reading = read_rows(rows)
    assert (reading.shape.name, dict(reading.columns)) == ("label", {"text": "column_2", "label": "column_1"})
    pairs = [{"column_1": f"第{n}个问题是什么", "column_2": f"这是第{n}个回答"} for n in range(20)]
    assert read_rows(pairs).shape.name == "qa_columns"
    assert read_rows(pairs).confidence == 0.4


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        (
            [{"role": "system", "content": "记住"}],
            "field 'messages': found only a system message; expected at least one message of a user and one of the "
            "assistant. "
            "Add the question and the answer that belong to it.",
        ),
        (
            [ASK],
            "field 'messages': found no turn of the assistant; expected at least one: it is what the model learns. "
            "Add the answer, or remove the record.",
        ),
        (
            [ASK, ASK, SAY],
            "field 'messages[1]': the roles are out of order: user after user; expected system first, then user and "
            "assistant in turn, tools after calls.",
        ),
        (
            [ASK, SAY, {"role": "system", "content": "x"}],
            "field 'messages[2]': the roles are out of order: system after assistant; expected system first, then "
            "user and "
            "assistant in turn, tools after calls.",
        ),
        (
            [ASK, {"role": "tool", "content": "x"}, SAY],
            "field 'messages[1]': the roles are out of order: tool after user, without a call; expected system "
            "first, then "
            "user and assistant in turn, tools after calls.",
        ),
        (
            [ASK, {"role": "asistant", "content": "x"}],
            "field 'messages[1].role': found the role \"asistant\"; expected system, user, assistant or tool. "
            "Did you mean 'assistant'?",
        ),
        ([ASK, {"role": "assistant", "content": 5}], "field 'messages[1].content': found 5; expected a text."),
        (
            [ASK, {"role": "assistant"}],
            "field 'messages[1]': the message of the assistant has no content; expected a text.",
        ),
        ([ASK, "hello"], "field 'messages[1]': found \"hello\"; expected a message with role and content."),
        (
            [ASK, {"content": "x"}],
            "field 'messages[1]': a message with the fields 'content' has no role; expected 'role' and 'content' (or "
            "'from' "
            "and 'value').",
        ),
        (
            [],
            "field 'messages': the conversation is empty; expected at least one message of a user and one of the "
            "assistant.",
        ),
        ("hello", "field 'messages': found the text \"hello\"; expected a list of messages."),
        ({"role": "user"}, "field 'messages': found an object of 1; expected a list of messages."),
        ([ASK, {**SAY, "weight": 2}], "field 'messages[1].weight': found 2; expected a number from 0 to 1."),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, SAY],
            "field 'messages[0].content': found a part of the type \"image_url\"; expected parts of text. Pictures "
            "and sounds "
            "cannot be trained on yet: remove the part.",
        ),
        (
            [ASK, {"role": "assistant", "tool_calls": [{"name": "x"}]}],
            "field 'messages[1].tool_calls[0]': found an object of 1; expected a call with a function's name and "
            "arguments.",
        ),
    ],
)
def test_conversations_that_cannot_be_trained_on(messages, sentence):
    reading = read_rows(EXAMPLES["openai"])
    with pytest.raises(InputError) as caught:
        reading.record({"messages": messages})
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"question": "q"}, "field 'answer': found no such field; expected a value."),
        ({"question": "q", "answer": None}, "field 'answer': found null; expected a value."),
        ({"question": ["q"], "answer": "a"}, "field 'question': found a list of 1; expected a text."),
        ({"question": "q", "answer": True}, "field 'answer': found true; expected a text."),
    ],
)
def test_columns_of_the_wrong_type(row, sentence):
    with pytest.raises(InputError) as caught:
        read_rows([{"question": "q", "answer": "a"}]).record(row)
    assert str(caught.value) == sentence


def test_json_inside_a_field_is_read_as_strictly():
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {"a": NaN}}'}
    with pytest.raises(InputError) as caught:
        record({"conversations": [HUMAN, call, {"from": "observation", "value": "x"}, GPT]})
    assert str(caught.value) == "field 'conversations[1].value': found NaN; expected a finite number or null."


def test_equal_answers_teach_no_preference():
    with pytest.raises(InputError, match="chosen and rejected are the same"):
        record({"prompt": "hi", "chosen": "x", "rejected": "x"})


def test_lone_surrogates_and_numbers_that_are_none_are_refused_with_the_record():
    for bad in ("\ud800", "x\udfff"):
        with pytest.raises(InputError, match="lone surrogate"):
            _ = record({"question": bad, "answer": "a"}).id
    with pytest.raises(InputError, match="finite"):
        _ = record({"messages": [ASK, SAY], "tools": [{"name": "x", "top": float("nan")}]}).id


def test_a_mapping_says_what_cannot_be_guessed():
    row = {"foo": "q", "bar": "a", "who": 7, "talk": "t1"}
    with pytest.raises(InputError) as caught:
        read_rows([row])
    assert str(caught.value) == (
        "found the columns 'foo', 'bar', 'who', 'talk'; expected columns of a known shape. Say what they mean in the "
        "recipe, "
        "such as prepare.mapping: {question: foo, answer: bar}, or {text: foo}."
    )
    mapping = {"question": "foo", "answer": "bar", "subject": "who", "group": "talk"}
    reading = read_rows([row], mapping=mapping)
    assert reading.record(row).payload() == chat(("user", "q"), ("assistant", "a"))
    assert (reading.key(row, reading.subject), reading.key(row, reading.group)) == ("7", "t1")
    assert reading.unused == ()


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            {"question": "fo", "answer": "bar"},
            "the mapping takes 'question' from the column 'fo', which is not there; expected the columns 'foo', 'bar'. "
            "Did you mean 'foo'?",
        ),
        (
            {"questoin": "foo", "answer": "bar"},
            "the mapping names the field 'questoin', which no shape has. Did you mean 'question'?",
        ),
    ],
)
def test_mappings_that_do_not_fit(mapping, sentence):
    with pytest.raises(InputError) as caught:
        read_rows([{"foo": "q", "bar": "a"}], mapping=mapping)
    assert str(caught.value) == sentence


def test_a_sentence_names_the_columns_of_the_file():
    reading = read_rows([{"talk": [ASK, SAY]}], mapping={"messages": "talk"})
    with pytest.raises(InputError, match=r"field 'talk\[1\].role': found the role"):
        reading.record({"talk": [ASK, {"role": "boss", "content": "x"}]})


def test_an_unknown_shape():
    with pytest.raises(SettingError, match=r"no shape is called 'alpacca'. Did you mean 'alpaca'"):
        read_rows([{"a": 1}], shape="alpacca")


def test_group_and_subject_are_found_by_their_usual_names():
    row = {"question": "q", "answer": "a", "conversation_id": 12, "user_id": ""}
    reading = read_rows([row])
    assert (reading.key(row, reading.group), reading.key(row, reading.subject)) == ("12", None)
    assert reading.unused == ()
