"""Answers that fit their question, and their base."""

import pytest

from tuneloop.errors import SettingError
from tuneloop.prepare.decision import KEEP, Drop, Keep, Replace
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn
from tuneloop.text import thoughts

PROSE = "这里先讲第一点，需要准备好材料。" * 14


def chat(question: str, answer: str, system: str = "", **about) -> Record:
    head = (Turn("system", system),) if system else ()
    return Record("chat", messages=(*head, Turn("user", question), Turn("assistant", answer, **about)))


def decide(name: str, record: Record, **settings):
    return steps.create({"name": name, **settings}).decide_one(record)


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("列出四张披头士乐队的专辑。", "Here is a list of four albums by the band you asked for.", "other_language"),
        ("List four albums by the Beatles, please.", "以下是披头士乐队的四张专辑，按时间排列如下。", "other_language"),
        ("请介绍一下你们公司的退货政策和流程", "请介绍一下你们公司的退货政策和流程。", "echo"),
        ("按JSON格式返回姓名和年龄", "姓名：张三，年龄：25", "not_json"),
        ("怎么办理护照？", PROSE + "然后到大厅取号，接着，", "cut_off"),
        (
            "How do I do it?",
            "First you open the box and read the note. " * 6 + "Then you take the small key and open the",
            "cut_off",
        ),
        ("写一个排序函数", "```python\ndef sort(items):\n    return", "cut_off"),
    ],
)
def test_what_does_not_fit(question, answer, reason):
    assert decide("mismatched_answers", chat(question, answer)) == Drop(reason)
    assert decide("mismatched_answers", chat(question, answer), action="flag") == Keep((reason,))
    others = [one for one in ("other_language", "echo", "not_json", "cut_off") if one != reason]
    assert decide("mismatched_answers", chat(question, answer), checks=others) is KEEP


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("把“今天天气很好”翻译成英文", "The weather is fine today, and the sky is clear."),
        ("推荐一部电影", "The Godfather"),
        ("介绍一下 PyTorch 这个框架", "PyTorch 是一个深度学习框架，由 Meta 开发，支持 GPU 加速。"),
        ("What does 好的 mean?", "It means okay or all right in most everyday conversations."),
        ("按JSON格式返回姓名和年龄", '好的：{"姓名": "张三", "年龄": 25}'),
        ("请纠正下面这句话：我昨天去了学校上课", "我昨天去了学校上课。"),
        ("娘娘吉祥", "娘娘吉祥"),
        ("怎么办理护照？", PROSE + "最后领取证件。"),
        ("怎么办理护照？", PROSE + "\n- 身份证\n- 照片"),
        ("列出乘法表", PROSE + "\n2x8=16 | 3x8=24"),
        ("说一个数", "42"),
    ],
)
def test_what_fits_stays(question, answer):
    assert decide("mismatched_answers", chat(question, answer)) is KEEP


def test_a_system_prompt_may_ask_for_another_language():
    record = chat(
        "你们几点开门？我想今天下午过去看看。", "We open at nine every morning, come any time.", "请用英文回答。"
    )
    assert decide("mismatched_answers", record) is KEEP


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<think>先算一下</think>\n答案是三", ("先算一下", "答案是三", False)),
        ("<THOUGHT>x</thought>y", ("x", "y", False)),
        ("<think></think>好", (None, "好", False)),
        ("没有标签", (None, "没有标签", False)),
        ("用 `<think>` 标签包住思考", (None, "用 `<think>` 标签包住思考", False)),
        ("<think>没有结束", (None, "<think>没有结束", True)),
        ("先说一句<think>再想</think>", (None, "先说一句<think>再想</think>", True)),
        ("<think>a</think>b<think>c</think>", (None, "<think>a</think>b<think>c</think>", True)),
        ("答案</think>", (None, "答案</think>", True)),
    ],
)
def test_thoughts_are_told_from_what_is_said(answer, expected):
    assert tuple(thoughts.split(answer)) == expected


def test_inline_reasoning_moves_into_its_field():
    decision = decide("reasoning_format", chat("3+4=?", "<think>三加四</think>\n等于7"))
    assert isinstance(decision, Replace)
    assert decision.record == chat("3+4=?", "等于7", reasoning="三加四")
    assert decision.detail == {"moved": 1}


def test_the_base_decides():
    thinking, plain = chat("3+4=?", "7", reasoning="三加四"), chat("3+4=?", "7")
    assert decide("reasoning_format", plain, reasoning="required") == Drop("no_reasoning")
    assert decide("reasoning_format", thinking, reasoning="required") is KEEP
    assert decide("reasoning_format", thinking, base="starter").record == plain
    assert decide("reasoning_format", thinking, base="starter", surplus="drop") == Drop("has_reasoning")
    assert decide("reasoning_format", plain, base="starter") is KEEP
    assert decide("reasoning_format", thinking) is KEEP
    assert decide("reasoning_format", chat("3+4=?", "<think>三")) == Drop("broken_reasoning")


def test_a_reasoning_model_of_the_catalogue_needs_reasoning():
    from tuneloop.models.catalogue.reading import listed

    names = {kind: next(one.name for one in listed() if one.get("kind") == kind) for kind in ("reasoning", "hybrid")}
    plain = chat("3+4=?", "7")
    assert decide("reasoning_format", plain, base=names["reasoning"]) == Drop("no_reasoning")
    assert decide("reasoning_format", plain, base=names["hybrid"]) is KEEP
    with pytest.raises(SettingError, match="startr"):
        steps.create({"name": "reasoning_format", "base": "startr"})


def test_turns_that_are_not_learnt_need_none():
    record = Record(
        "chat",
        messages=(
            Turn("user", "你好"),
            Turn("assistant", "你好呀", weight=0),
            Turn("user", "3+4=?"),
            Turn("assistant", "7", reasoning="三加四"),
        ),
    )
    assert decide("reasoning_format", record, reasoning="required") is KEEP
