"""Steps that judge one record by what it says: junk, repetition, refusals, language."""

import pytest

from tuneloop.errors import SettingError
from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Drop, Keep, Replace
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn


def chat(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def decide(name: str, record: Record, **settings):
    return steps.create({"name": name, **settings}).decide_one(record)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("太好了！！！！！！", "太好了！！！"),
        ("这是标题\n★★★★★★\n这里是正文的第一行", "这是标题\n这里是正文的第一行"),
        ("图标\ue601在此\ufffd", "图标在此"),
        ("Great!!!!!!!!", "Great!!!"),
    ],
)
def test_junk_goes_and_the_words_stay(before, after):
    decision = decide("junk_characters", Record("text", text=before))
    assert isinstance(decision, Replace)
    assert decision.record.text == after


@pytest.mark.parametrize(
    "text",
    [
        "# 标题\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "哈哈哈哈哈哈",
        "好的😂😂😂😂",
        "他说……不对！？",
        "`////////` 是注释",
        "```\n★★★★\n```",
        "1000000000",
        "什么是锟斤拷和烫烫烫？",
    ],
)
def test_what_has_a_meaning_stays(text):
    assert decide("junk_characters", Record("text", text=text)) is KEEP


def test_a_record_of_junk_is_dropped():
    assert isinstance(decide("junk_characters", Record("text", text="锟斤拷锟斤拷锟斤拷烫烫烫屯屯屯")), Drop)
    decision = decide("junk_characters", Record("text", text="\ue601\ue602\ue603\ue604好"))
    assert decision == Drop("junk", "4 of 5 characters")


def test_text_that_repeats_itself_is_dropped():
    again = Record("text", text="今天天气真不错，我们去公园玩吧。" * 20)
    assert decide("repetition", again).reason == "repeats_itself"
    assert decide("repetition", chat("你好" * 100, "这是一个正常的回答。")) is KEEP
    assert isinstance(decide("repetition", chat("天气怎么样", "今天天气很好。" * 8)), Drop)
    assert decide("repetition", chat("讲个笑话", "哈哈哈哈，太好笑了，谢谢你的笑话，明天再讲一个吧！")) is KEEP
    menu = "\n".join(["首页 新闻 体育 财经"] * 24 + [f"第{number}条完全不同的内容在这一行里" for number in range(5)])
    assert decide("repetition", Record("text", text=menu), distinct=0).reason == "repeats_lines"


@pytest.mark.parametrize(
    "text",
    [
        "床前明月光，疑是地上霜。举头望明月，低头思故乡。" * 2,
        "\n".join(f"第{number}行：数值{number * 37 % 101}，单位毫米，合格" for number in range(30)),
        "The quick brown fox jumps over the lazy dog while forty zebras vex a jolly sphinx in the quiet warm sun.",
    ],
)
def test_poems_tables_and_prose_stay(text):
    assert decide("repetition", Record("text", text=text)) is KEEP


def test_refusals_are_dropped_or_marked():
    refusal, model = chat("帮我写诗", "很抱歉，我无法为您写诗。"), chat("你累吗", "作为一个AI助手，我不会累。")
    assert decide("refusals", refusal) == Drop("refusal")
    assert decide("refusals", model) == Drop("as_model")
    assert decide("refusals", model, as_model=False) is KEEP
    assert decide("refusals", refusal, action="flag") == Keep(("refusal",))


def test_only_what_is_taught_is_looked_at():
    bad = Turn("assistant", "很抱歉，我无法回答。")
    pair = Record(
        "preference", messages=(Turn("user", "你好"),), chosen=(Turn("assistant", "你好呀"),), rejected=(bad,)
    )
    assert decide("refusals", pair) is KEEP
    rated = Record("rating", messages=(Turn("user", "你好"), bad), label=False)
    assert decide("refusals", rated) is KEEP
    unlearned = Record("chat", messages=(Turn("user", "你好"), Turn("assistant", bad.text, weight=0)))
    assert decide("refusals", unlearned) is KEEP


def test_languages_that_are_not_wanted_go():
    texts = [
        "今天天气很好",
        "The weather is fine and we are going out",
        "Das Wetter ist heute sehr schön und warm",
        "123 456",
    ]
    batch = batches.to_batch((row, Record("text", text=text)) for row, text in enumerate(texts))
    assert steps.create("language").decide(batch) == [KEEP, KEEP, Drop("other_language", "de"), KEEP]
    strict = steps.create({"name": "language", "allowed": ["zh"], "undetermined": False})
    assert [type(one) for one in strict.decide(batch)] == [type(KEEP), Drop, Drop, Drop]
    assert strict.decide(batch)[3] == Drop("no_language")


def test_an_unknown_language_code_is_refused():
    with pytest.raises(SettingError, match="cn"):
        steps.create({"name": "language", "allowed": ["cn"]})
