"""Questions answered in ways that cannot both be right wait for a person; alternatives stay."""

import pytest

from tuneloop.prepare import batches
from tuneloop.prepare.decision import Drop
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn


def chat(question: str, answer: str, system: str = "") -> Record:
    head = (Turn("system", system),) if system else ()
    return Record("chat", messages=(*head, Turn("user", question), Turn("assistant", answer)))


def doubtful(name: str, records: list[Record], **settings) -> list[int]:
    """The rows that are dropped, observed in two batches, the later first."""
    step = steps.create({"name": name, **settings})
    half = len(records) // 2
    parts = [batches.to_batch((row, records[row]) for row in rows) for rows in (range(half), range(half, len(records)))]
    summary = step.summarize(reversed(parts))
    found = []
    for part in parts:
        rows = part.column("row").to_pylist()
        for place, decision in step.apply(part, summary).decided:
            assert isinstance(decision, Drop)
            found.append(rows[place])
    return found


@pytest.mark.parametrize(
    ("question", "one", "two"),
    [
        ("拆封了能退吗？", "可以退的，七天内都行。", "不可以，拆封后概不退换。"),
        ("几天内可以退货？", "签收后7天内可以申请退货。", "签收后15天内可以申请退货。"),
        ("店里几点开门？", "早上九点", "十点半"),
        ("Who wrote it?", "Mary Shelley", "Bram Stoker"),
        ("Can I return it?", "Yes, within a week.", "No, opened goods stay sold."),
    ],
)
def test_contradictions_wait_for_a_person(question, one, two):
    other = chat("你们在哪？", "在人民路三号。")
    assert doubtful("contradictions", [chat(question, one), other, chat(question + " ", two)]) == [0, 2]


@pytest.mark.parametrize(
    ("question", "one", "two"),
    [
        ("写一首关于春天的诗", "春风拂面柳丝长，燕子归来绕画梁。", "桃花开了，溪水叮咚，孩子们在田埂上奔跑。"),
        ("皇上驾到！", "皇上万福金安。", "臣妾参见皇上。"),
        ("店里几点开门？", "九点", "早上九点"),
        ("能退吗？", "可以退。", "能退，请填写单号。"),
        ("介绍一下你们店", "我们有3家店，开了20年。", "本店主营家电，维修和回收都做，欢迎光临。"),
    ],
)
def test_alternatives_stay(question, one, two):
    assert doubtful("contradictions", [chat(question, one), chat(question, two)]) == []


def test_another_system_prompt_is_another_question():
    assert doubtful("contradictions", [chat("能退吗？", "可以", "甲店"), chat("能退吗？", "不可以", "乙店")]) == []


def test_labels_ratings_and_pairs():
    labels = [Record("label", text="很好吃", label="1"), Record("label", text="很好吃！", label="0")]
    assert doubtful("contradictions", labels) == [0, 1]
    talk = (Turn("user", "推荐一本书"), Turn("assistant", "《西游记》"))
    assert doubtful("contradictions", [Record("rating", messages=talk, label=good) for good in (True, False)]) == [0, 1]
    assert doubtful("contradictions", [Record("rating", messages=talk, label=True)] * 2) == []
    asked, a, b, c = (
        (Turn("user", "问"),),
        (Turn("assistant", "甲"),),
        (Turn("assistant", "乙"),),
        (Turn("assistant", "丙"),),
    )
    pairs = [Record("preference", messages=asked, chosen=one, rejected=two) for one, two in ((a, b), (b, a), (a, c))]
    assert doubtful("contradictions", pairs) == [0, 1, 2]  # the whole question waits
    assert doubtful("contradictions", [pairs[0], pairs[2]]) == []


def test_templates_keep_the_first_and_need_different_questions():
    told = "您好，您的问题已经收到，我们会尽快安排专人处理。"
    many = [chat(f"第{number}个问题是什么？", told) for number in range(6)]
    assert doubtful("template_answers", many) == [1, 2, 3, 4, 5]
    assert doubtful("template_answers", many, keep=2) == [2, 3, 4, 5]
    assert doubtful("template_answers", many[:4]) == []
    assert doubtful("template_answers", [chat("同一个问题", told)] * 8) == []
    assert doubtful("template_answers", [chat(f"第{number}条是好评吗", "是") for number in range(9)]) == []
