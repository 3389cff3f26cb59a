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
        ("支持五G吗？", "这款手机支持五G网络，可以放心购买使用。", "这款手机不支持五G网络，可以放心购买使用。"),
        (
            "拆封的商品还能退货吗？",
            "您好，已经拆封的商品在七天之内可以申请无理由退货，请联系客服。",
            "您好，已经拆封的商品在七天之内不可以申请无理由退货，请联系客服。",
        ),
        ("运费怎么算？", "同城配送收取运费一元。", "同城配送收取运费三元。"),
        ("打烊时间", "晚上八点", "晚上十点"),
        (
            "About opened goods",
            "Goods that were opened can be returned within seven days of delivery.",
            "Goods that were opened cannot be returned within seven days of delivery.",
        ),
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
        ("这水壶怎么样？", "这款不锈钢水壶很轻，烧水快。", "这款不锈钢水壶轻，烧水很快。"),
        ("这水壶怎么样？", "这款水壶很轻，烧水快。", "这款水壶不仅很轻，烧水也快。"),
        ("介绍一下你们店", "我们有3家店，开了20年。", "本店主营家电，维修和回收都做，欢迎光临。"),
    ],
)
def test_alternatives_stay(question, one, two):
    assert doubtful("contradictions", [chat(question, one), chat(question, two)]) == []


def test_the_detail_shows_what_to_decide_by():
    one, two, third = (
        "签收后7天内可以退，电话13812345678。",
        "签收后15天内可以退，电话13812345678。",
        "请看页面底部的说明。",
    )
    records = [chat("退货期限", said) for said in (one, two, third)]
    step = steps.create("contradictions")
    batch = batches.to_batch(enumerate(records))
    details = [decision.detail for _, decision in step.apply(batch, step.summarize([batch])).decided]
    shown = [f"“{said.replace('13812345678', '[手机号]')}”" for said in (one, two, third)]
    assert details == [
        f"{shown[0]} ≠ {shown[1]} {records[1].id}",
        f"{shown[1]} ≠ {shown[0]} {records[0].id}",
        f"{shown[2]} ≠ {shown[1]} {records[1].id}",
    ]


def test_a_pair_is_found_behind_another_that_chooses_the_same():
    asked = (Turn("user", "问"),)
    a, b, c = ((Turn("assistant", said),) for said in "甲乙丙")
    pairs = [Record("preference", messages=asked, chosen=one, rejected=two) for one, two in ((a, c), (a, b), (b, a))]
    assert doubtful("contradictions", pairs) == [0, 1, 2]


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
