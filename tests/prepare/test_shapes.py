"""What rows mean: recognized without a script, mapped by the recipe, and checked field by field."""

from __future__ import annotations

import json

import pytest

from tuneloop.errors import InputError, SettingError
from tuneloop.prepare.importer import recognize
from tuneloop.prepare.shape import read_rows, shapes
from tuneloop.prepare.source_file import disk_file

ASK, SAY = {"role": "user", "content": "你好"}, {"role": "assistant", "content": "您好"}
HUMAN, GPT = {"from": "human", "value": "你好"}, {"from": "gpt", "value": "您好"}

EXAMPLES = {
    "openai": [{"messages": [ASK, SAY]}],
    "sharegpt": [{"conversations": [HUMAN, GPT], "id": "1"}],
    "alpaca": [{"instruction": "翻译", "input": "猫", "output": "cat"}],
    "prompt_completion": [{"prompt": "2+2=", "completion": "4"}],
    "qa_columns": [{"department": "内科", "title": "高血压", "ask": "能吃什么？", "answer": "少盐"}],
    "preference": [{"prompt": "hi", "chosen": "hello", "rejected": "go"}],
    "rejected_reply": [{"messages": [ASK, SAY], "rejected_response": "走开"}],
    "ranked_outputs": [{"instruction": "hi", "input": "", "output": ["hello", "go"]}],
    "compared": [{"prompt": "hi", "response_0": "hello", "response_1": "go", "better_response_id": 0}],
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


U, BETTER, WORSE = {"role": "user", "content": "hi"}, "hello", "go"
A, B = {"role": "assistant", "content": BETTER}, {"role": "assistant", "content": WORSE}


@pytest.mark.parametrize(
    "row",
    [
        # UltraFeedback binarized
        {
            "prompt": "hi",
            "prompt_id": "x",
            "chosen": [U, A],
            "rejected": [U, B],
            "messages": [U, A],
            "score_chosen": 8.0,
            "score_rejected": 3.0,
        },
        {"chosen": [U, A], "rejected": [U, B], "messages": [U, A]},
        {"prompt": "hi", "chosen": json.dumps([U, A]), "rejected": json.dumps([U, B])},
        # hh-rlhf, and a copy that divides the prompt
        {"chosen": "\n\nHuman: hi\n\nAssistant: hello", "rejected": "\n\nHuman: hi\n\nAssistant: go"},
        {"prompt": "\n\nHuman: hi\n\nAssistant:", "chosen": "hello", "rejected": "go"},
        {
            "prompt": "hi",
            "chosen": "\n\nHuman: hi\n\nAssistant: hello",
            "rejected": "\n\nHuman: hi\n\nAssistant: go",
        },
        # ms-swift, and its older columns
        {"messages": [U, A], "rejected_response": "go"},
        {"messages": [U, A], "rejected_messages": [U, B]},
        {"messages": [U, A], "rejected_messages": [B]},
        {"query": "hi", "response": "hello", "rejected_response": "go"},
        # LLaMA-Factory, the older and the ShareGPT way
        {"instruction": "hi", "input": "", "output": ["hello", "go"]},
        {
            "conversations": [{"from": "human", "value": "hi"}],
            "chosen": {"from": "gpt", "value": "hello"},
            "rejected": {"from": "gpt", "value": "go"},
            "system": "",
        },
        # PKU-SafeRLHF, arena, SHP, stack-exchange-paired, AlpacaFarm, HelpSteer
        {
            "prompt": "hi",
            "response_0": "go",
            "response_1": "hello",
            "better_response_id": 1,
            "safer_response_id": 0,
        },
        {"conversation_a": [U, B], "conversation_b": [U, A], "winner": "model_b", "model_a": "x", "judge": "y"},
        {"history": "hi", "human_ref_A": "hello", "human_ref_B": "go", "labels": 1, "post_id": "p"},
        {"history": "hi", "human_ref_A": "go", "human_ref_B": "hello", "labels": 0},
        {"qid": 1, "question": "hi", "response_j": "hello", "response_k": "go"},
        {"instruction": "hi", "input": "", "output_1": "go", "output_2": "hello", "preference": 2},
        {"context": [U], "response1": "hello", "response2": "go", "overall_preference": -2},
        {"prompt": "hi", "response_1": "go", "response_2": "hello", "overall_preference": 3},
        {"问题": "hi", "回答A": "hello", "回答B": "go", "胜者": "回答A"},
    ],
)
def test_pairs_as_public_sets_and_trainers_write_them(row):
    assert payload(row) == {"kind": "preference", "messages": [U], "chosen": [A], "rejected": [B]}


def test_what_a_pair_does_not_use_is_named():
    row = {"prompt": "hi", "chosen": [U, A], "rejected": [U, B], "messages": [U, A], "score_chosen": 8.0}
    assert read_rows([row]).unused == ("messages", "score_chosen")
    assert read_rows([{"chosen": [U, A], "rejected": [U, B], "messages": [U, A]}]).unused == ("messages",)
    row = {"prompt": "hi", "response_0": "a", "response_1": "b", "better_response_id": 1, "safer_response_id": 0}
    assert read_rows([row]).unused == ("safer_response_id",)
    row = {"messages": [ASK, SAY], "label": True, "prompt": "你好", "completion": "您好"}
    assert read_rows([row]).unused == ("prompt", "completion")


def test_longer_pairs_keep_every_turn():
    first = "\n\nHuman: a\n\nAssistant: A\n\nHuman: b\nb\n\nAssistant: "
    found = payload({"chosen": first + "good", "rejected": first + "bad"})
    assert [turn["content"] for turn in found["messages"]] == ["a", "A", "b\nb"]
    assert (found["chosen"][0]["content"], found["rejected"][0]["content"]) == ("good", "bad")
    row = {"instruction": "b", "chosen": "good", "rejected": "bad", "history": [["a", "A"]], "system": "S"}
    assert [turn["content"] for turn in payload(row)["messages"]] == ["S", "a", "A", "b"]
    row = {"prompt": [{"role": "system", "content": "S"}, U], "chosen": [U, A], "rejected": [U, B]}
    assert [turn["content"] for turn in payload(row)["messages"]] == ["S", "hi"]
    arena = {
        "conversation_a": [U, A, {"role": "user", "content": "more"}, A],
        "conversation_b": [U, B, {"role": "user", "content": "more"}, B],
        "winner": "model_a",
    }
    assert [len(payload(arena)[side]) for side in ("messages", "chosen", "rejected")] == [1, 3, 3]
    call = {"role": "tool_call", "content": '{"name": "f", "arguments": {}}'}
    swift = {
        "messages": [U, call, {"role": "tool_response", "content": "1"}, A],
        "rejected_response": "go",
        "tools": [{"name": "f", "parameters": {}}],
    }
    assert [turn["role"] for turn in payload(swift)["messages"]] == ["user", "assistant", "tool"]
    assert payload(swift)["rejected"] == [B]


def test_a_dialogue_that_was_asked_for_stays_one_answer():
    row = {"prompt": "Write a dialogue.", "chosen": "User: x\nAssistant: y", "rejected": "User: x\nAssistant: z"}
    assert payload(row)["chosen"] == [{"role": "assistant", "content": "User: x\nAssistant: y"}]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            {"conversation_a": [U, A], "conversation_b": [U, B], "winner": "tie (bothbad)"},
            "field 'winner': found \"tie (bothbad)\": a tie is no preference pair; expected one answer that is better. "
            "Leave the record out, or let somebody decide.",
        ),
        (
            {"prompt": "hi", "response_a": "x", "response_b": "y", "winner": 1},
            "field 'winner': found 1, which may mean either answer; expected a or b. Say what the numbers mean by the "
            "field that the mapping gives the column: better_id (0 is the first, 1 the second), a_is_better (1 is the "
            "first, 0 the second), preference (1 is the first, 2 the second) or preference_strength (under 0 is the "
            "first, over 0 the second).",
        ),
        (
            {"prompt": "hi", "response_a": "x", "response_b": "y"},
            "field 'response_a': found two answers and nothing that says which is better; expected one of winner, "
            "better_id, a_is_better, preference, preference_strength. Add a column winner (a or b), or say "
            "prepare.mapping: {prompt: COLUMN, chosen: COLUMN, rejected: COLUMN} where one column always "
            "holds the better.",
        ),
        (
            {"prompt": "else", "chosen": [U, A], "rejected": [U, B]},
            "field 'chosen': the conversation begins otherwise than the prompt ('else' is not in it); expected the "
            "answers alone, or conversations that begin with the prompt. Correct the row, or leave the prompt out: "
            "mapping.chosen and mapping.rejected alone take it from the conversations.",
        ),
        (
            {
                "chosen": "\n\nHuman: a\n\nAssistant: A\n\nHuman: b\n\nAssistant: B",
                "rejected": "\n\nHuman: a\n\nAssistant: A\n\nHuman: c\n\nAssistant: C",
            },
            "field 'rejected[2]': the conversations part at a turn of the user and one of the user; expected "
            "conversations that part at an answer of the assistant. Remove the record, or cut both where the same "
            "question was answered.",
        ),
        (
            {"prompt": "hi", "chosen": str([U, A]), "rejected": str([U, B])},
            "field 'chosen': found the text \"[{'role': 'user', 'content': 'hi'}, {'role': 'assistant'…\"; expected "
            "a list of messages.",
        ),
        (
            {"messages": [U], "rejected_response": "go"},
            "field 'messages': found no turn of the assistant; expected at least one: it is what the model learns. "
            "Add the answer, or remove the record.",
        ),
    ],
)
def test_pairs_that_say_too_little(row, sentence):
    with pytest.raises(InputError) as caught:
        record(row)
    assert str(caught.value) == sentence


def test_a_column_rejected_may_be_no_answer():
    row = {"prompt": "q", "response": "a", "rejected": False}
    assert (read_rows([row]).shape.name, read_rows([row]).unused) == ("prompt_completion", ("rejected",))


def test_lists_of_answers_that_are_no_ranking():
    reading = read_rows(EXAMPLES["ranked_outputs"])
    with pytest.raises(InputError, match=r"field 'output': found a list of 3; expected a list of two texts"):
        reading.record({"instruction": "q", "output": ["a", "b", "c"]})
    with pytest.raises(InputError, match=r"found a list of 2; expected a text"):
        record({"question": "q", "answers": ["a", "also a"]})


def test_a_mapping_says_what_the_numbers_of_a_verdict_mean():
    row = {"prompt": "hi", "response_a": "go", "response_b": "hello", "winner": 1}
    mapping = {"prompt": "prompt", "answer_a": "response_a", "answer_b": "response_b", "better_id": "winner"}
    assert payload(row, mapping=mapping)["chosen"] == [A]
    assert payload(row, mapping={"better_id": "winner"})["chosen"] == [A]
    assert payload(row, mapping={"preference": "winner"})["chosen"] == [B]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": "a", "reasoning": "r"},
        {"question": "q", "reasoning_content": "r", "answer": "a"},
        {"question": "q", "thinking": "r", "answer": "a"},
        {"Question": "q", "Complex_CoT": "r", "Response": "a"},
        {"问题": "q", "思考过程": "r", "答案": "a"},
        {"問題": "q", "推理過程": "r", "回答": "a"},
        {"instruction": "q", "input": "", "output": "a", "cot": "r"},
        {"prompt": "q", "response": "a", "reasoning": "r"},
    ],
)
def test_reasoning_in_a_column_precedes_the_answer(row):
    reading = read_rows([row])
    answer = {"role": "assistant", "content": "a", "reasoning": "r"}
    assert reading.record(row).payload() == {"kind": "chat", "messages": [{"role": "user", "content": "q"}, answer]}
    assert reading.unused == ()
    empty = {column: "" if value == "r" else value for column, value in row.items()}
    assert "reasoning" not in payload(empty)["messages"][1]


def test_a_mapping_of_one_field_leaves_the_others_to_be_found():
    row = {"question": "q", "answer": "a", "why": "r", "extra": 1}
    reading = read_rows([row], mapping={"reasoning": "why"})
    assert reading.record(row).messages[1].reasoning == "r"
    assert (dict(reading.columns), reading.unused) == (
        {"question": "question", "answer": "answer", "reasoning": "why"},
        ("extra",),
    )
    full = {"question": "question", "answer": "answer", "reasoning": "why"}
    assert read_rows([row], mapping=full).record(row) == reading.record(row)
    with pytest.raises(InputError, match="no shape has just the fields reasoning"):
        read_rows([{"foo": "q", "why": "r"}], mapping={"reasoning": "why"})
    with pytest.raises(InputError, match="found reasoning beside a completion of messages"):
        record({"prompt": [ASK], "completion": [SAY], "reasoning": "r"})


def test_a_mapping_that_two_shapes_could_have_goes_by_what_the_rows_hold():
    mapping = {"instruction": "foo", "output": "bar"}
    assert record({"foo": "q", "bar": "a"}, mapping=mapping).kind == "chat"
    assert record({"foo": "q", "bar": ["a", "b"]}, mapping=mapping).kind == "preference"


def test_of_a_problem_the_solution_is_the_answer():
    row = {"problem": "1+1", "solution": "It is 2.", "level": "1"}
    assert payload(row) == chat(("user", "1+1"), ("assistant", "It is 2."))
    both = {"problem": "1+1", "answer": "2", "solution": "It is 2."}
    assert payload(both) == chat(("user", "1+1"), ("assistant", "It is 2."))
    reading = read_rows([both])
    assert reading.unused == ("answer",)
    assert reading.confidence < 0.6  # under which the report says so
    assert payload(both, mapping={"question": "problem", "answer": "answer"}) == chat(
        ("user", "1+1"), ("assistant", "2")
    )


def test_calls_and_results_by_their_roles():
    calls = [{"role": "tool_call", "content": json.dumps({"name": "f", "arguments": {"n": n}})} for n in (1, 2)]
    results = [{"role": "tool_response", "content": str(n)} for n in (1, 2)]
    found = payload({"messages": [ASK, *calls, *results, SAY], "tools": json.dumps([{"name": "f"}])})["messages"]
    assert [turn["role"] for turn in found] == ["user", "assistant", "tool", "tool", "assistant"]
    assert [call["function"]["arguments"] for call in found[1]["tool_calls"]] == ['{"n": 1}', '{"n": 2}']
    assert [turn["tool_call_id"] for turn in found[2:4]] == [call["id"] for call in found[1]["tool_calls"]]


@pytest.mark.parametrize("header", ["問題,答案", "提問,回覆", "問句,回答", "標準問題,標準答案", "問題,答覆"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "big5"])
def test_traditional_names_of_columns(write, header, encoding):
    rows = "".join(f"請問第{n}筆訂單什麼時候會到貨？,大約{n}個工作天內送達，請您放心。\r\n" for n in range(3, 9))
    path = write("faq.csv", (header + "\r\n" + rows).encode(encoding))
    file = disk_file(path, path.name)
    found = recognize(file)
    data = [item.data for item in found.importer.items(file, found.encoding)]
    reading = read_rows(data)
    assert (reading.shape.name, list(reading.columns.values()), len(data)) == ("qa_columns", header.split(","), 6)
    assert reading.confidence >= 0.75
    first = reading.record(data[0]).messages
    assert (first[0].text, first[1].role) == ("請問第3筆訂單什麼時候會到貨？", "assistant")


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"指令": "x", "輸入": "", "輸出": "y"}, "alpaca"),
        ({"評論": "很好", "標籤": "正面"}, "label"),
        ({"對話": [{"speaker": "客戶", "text": "在嗎"}, {"speaker": "機器人", "text": "在"}]}, "dialogue"),
    ],
)
def test_traditional_names_of_other_shapes(row, shape):
    reading = read_rows([row])
    assert reading.shape.name == shape
    assert reading.record(row).id


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ({"messages": [ASK, SAY], "label": False}, False),
        ({"prompt": "你好", "completion": "您好", "label": "1"}, True),
        ({"conversations": [HUMAN, GPT], "kto_tag": "true"}, True),
        ({"问题": "你好", "回答": "您好", "评价": "差"}, False),
        ({"instruction": "你好", "input": "", "output": "您好", "kto_tag": True}, True),
        ({"messages": [ASK, SAY], "label": 1, "tools": ""}, True),
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
