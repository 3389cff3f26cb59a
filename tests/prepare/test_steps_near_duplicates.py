"""Near-duplicates merge into the first; opposites, other answers and other labels never do."""

import random

import pytest

from tuneloop.prepare import batches
from tuneloop.prepare.decision import Merge
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn

CHARACTERS = [chr(point) for point in range(0x4E00, 0x4E00 + 800)]


def sentence(number: int, size: int = 40) -> str:
    return "".join(random.Random(number).choices(CHARACTERS, k=size))


def chat(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def merged(records: list[Record], **settings) -> dict[int, tuple[int, float]]:
    """Row → (row it merges into, similarity), observed in two batches, the later first."""
    step = steps.create({"name": "near_duplicates", **settings})
    half = len(records) // 2
    parts = [batches.to_batch((row, records[row]) for row in rows) for rows in (range(half), range(half, len(records)))]
    summary = step.summarize(reversed(parts))
    numbers = {record.id: row for row, record in enumerate(records)}
    found = {}
    for part in parts:
        rows = part.column("row").to_pylist()
        for place, decision in step.apply(part, summary).decided:
            assert isinstance(decision, Merge)
            found[rows[place]] = (numbers[decision.into], float(decision.detail.split()[0]))
    return found


def test_edited_copies_merge_into_the_first():
    texts = [sentence(number) for number in range(50)]
    copies = [text[:20] + "改" + text[21:] for text in texts[:20]]
    found = merged([Record("text", text=text) for text in texts + copies])
    assert {row: into for row, (into, _) in found.items()} == {50 + number: number for number in range(20)}
    assert all(0.8 < index < 1 for _, index in found.values())


def test_short_opposites_stay():
    assert merged([Record("text", text=text) for text in ("怎么开通会员", "怎么取消会员", "好的", "不行")]) == {}


def test_different_answers_to_nearly_one_question_stay():
    question = sentence(1, 80)
    records = [chat(question, "好评"), chat(question + "吗", "差评"), chat(question + "呢", "好评")]
    assert {row: into for row, (into, _) in merged(records).items()} == {2: 0}


def test_different_labels_stay():
    text = sentence(2, 60)
    records = [Record("label", text=text, label="a"), Record("label", text=text + "了", label="b")]
    assert merged(records) == {}
    assert merged([records[0], Record("label", text=text + "了", label="a")]) == {1: (0, 0.92)}  # 58 of 63 shingles


def test_a_chain_of_small_steps_does_not_end_in_its_beginning():
    text = sentence(3, 60)
    chain = [Record("text", text=sentence(4, 6 * step)[: 6 * step] + text[6 * step :]) for step in range(8)]
    found = merged(chain, similarity=0.7)
    assert found
    assert 7 not in found or found[7][0] != 0
    assert all(index >= 0.7 for _, index in found.values())


def test_texts_that_differ_in_their_numbers_say_different_things():
    hours = [
        chat(f"门店{n}几点开门？", f"门店{n}早上{7 + n}点开门，晚上{19 + n}点关门，周末照常营业。") for n in range(1, 4)
    ]
    assert merged(hours, similarity=0.3) == {}
    assert set(merged(hours, similarity=0.3, numbers=0)) == {1, 2}
    said = "这一单一共是{}元，包含运费和包装费，三天之内送到府上。"
    same = [chat("一共多少钱？", said.format(price)) for price in ("1,280", "１２８０")]
    assert set(merged(same)) == {1}
    long = "这是一份很长的说明，" * 30
    assert set(merged([Record("text", text=f"{long}第{n}版") for n in (1, 2)])) == {1}


@pytest.mark.parametrize(
    ("question", "one", "two"),
    [
        ("支持五G吗？", "这款手机支持五G网络，可以放心购买使用。", "这款手机不支持五G网络，可以放心购买使用。"),
        (
            "拆封的商品还能退货吗？",
            "您好，已经拆封的商品在七天之内可以申请无理由退货，请联系客服办理，谢谢。",
            "您好，已经拆封的商品在七天之内不可以申请无理由退货，请联系客服办理，谢谢。",
        ),
        (
            "Can opened goods be returned?",
            "Goods that were opened can be returned within seven days of delivery, if the box is whole.",
            "Goods that were opened cannot be returned within seven days of delivery, if the box is whole.",
        ),
        (
            "运费怎么算？",
            "同城配送每单收取运费三十元，满三百元免运费。",
            "同城配送每单收取运费五十元，满三百元免运费。",
        ),
        ("几点开门？", "本店每天早上八点准时开门营业，欢迎光临。", "本店每天早上十点准时开门营业，欢迎光临。"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"similarity": 0.2, "level": "answer"}])
def test_opposite_answers_never_merge(question, one, two, settings):
    both = [chat(question, one), chat(question, two)]
    assert merged(both, similarity=settings.get("similarity", 0.3), level=settings.get("level", "record")) == {}
    off = {"similarity": 0.2, "negations": 0, "numbers": 0, **settings}
    assert set(merged(both, **off)) == {1}
    assert set(merged([both[0], chat(question, f"{one}亲")], **settings)) == {1}


def test_of_a_long_dialogue_the_beginning_of_the_answer_is_looked_at():
    said, more = "这款手机支持五G网络，可以放心购买使用。", sentence(21, 600)
    both = [chat("支持五G吗？", text + more) for text in (said, said.replace("支持", "不支持"))]
    assert merged(both) == {}
    assert set(merged(both, negations=0)) == {1}


def test_a_slip_of_the_pen_is_no_negation():
    text = "这款手机不支持五G网络，一共卖出93台，可以放心购买使用。"
    slips = [text.replace("不", "兰"), text.replace("93", "9止")]
    assert set(merged([Record("text", text=one) for one in (text, *slips)])) == {1, 2}


def test_the_threshold_is_a_setting():
    records = [Record("text", text=sentence(5, 30)), Record("text", text=sentence(5, 30)[:25] + "别的话了呢")]
    assert merged(records, similarity=0.95) == {}
    assert 1 in merged(records, similarity=0.5)


def beside(records: list[Record], grades: list[int | None], **settings) -> list[tuple[int, int, str]]:
    """(row, row it merges into, what decided), with the rank of each record's grade beside it."""
    import pyarrow as pa

    step = steps.create({"name": "near_duplicates", **settings})
    batch = batches.to_batch(enumerate(records)).append_column("grade", pa.array(grades, pa.int8()))
    numbers = {record.id: row for row, record in enumerate(records)}
    decided = step.apply(batch, step.summarize([batch])).decided
    return [(place, numbers[one.into], one.detail.split()[1]) for place, one in decided if isinstance(one, Merge)]


def test_the_best_grade_stays_then_the_sounder_text_then_the_first():
    text = sentence(11, 60)
    copies = [Record("text", text=text + end) for end in ("甲", "乙。", "丙。", "丁。")]
    assert beside(copies, [2, None, 1, 1]) == [(0, 2, "grade"), (1, 2, "grade"), (3, 2, "first")]
    assert beside(copies, [None] * 4) == [(0, 1, "quality"), (2, 1, "first"), (3, 1, "first")]
    lost = [Record("text", text=text + end) for end in ("锟斤拷。", "丙。")]
    assert beside(lost, [0, 0]) == [(0, 1, "quality")]


def test_or_the_first_the_longest_the_newest():
    text = sentence(12, 60)
    copies = [Record("text", text=text + "很" * extra) for extra in (1, 4, 2)]
    assert beside(copies, [1, 1, 0], keep="first") == [(1, 0, "first"), (2, 0, "first")]
    assert beside(copies, [1, 1, 0], keep="longest") == [(0, 1, "longest"), (2, 1, "longest")]
    assert beside(copies, [1, 1, 0], keep="newest") == [(0, 2, "newest"), (1, 2, "newest")]


def test_what_a_version_holds_stays_whatever_its_grade():
    import pyarrow as pa

    text = sentence(13, 60)
    old, new = (Record("text", text=text + end) for end in ("甲", "乙。"))
    step = steps.create("near_duplicates")
    held = batches.to_batch([(0, old)]).append_column("held", pa.array([True]))
    read = batches.to_batch([(1, new)]).append_column("grade", pa.array([0], pa.int8()))
    ((_, decision),) = step.apply(read, step.summarize([held, read])).decided
    assert isinstance(decision, Merge)
    assert (decision.into, decision.detail.split()[1]) == (old.id, "held")


def test_prompts_and_answers_are_told_apart():
    question, answer = sentence(14, 40), sentence(15, 60)
    records = [
        chat(question, answer),
        chat(question + "吗", sentence(16, 60)),
        chat(sentence(17, 40), answer + "了"),
        chat(question + "呢", answer + "吧"),
        chat(sentence(18, 40), "好的。"),
        chat(sentence(19, 40), "好的。"),
    ]
    found = {
        level: {row: into for row, (into, _) in merged(records, level=level).items()}
        for level in ("record", "prompt", "answer")
    }
    assert found == {"record": {3: 0}, "prompt": {1: 0, 3: 0}, "answer": {2: 0, 3: 0}}
    labels = [Record("label", text=question, label="a"), Record("label", text=question + "了", label="b")]
    assert merged(labels, level="prompt") == {}


def test_repeats_may_be_marked_only():
    step = steps.create({"name": "near_duplicates", "level": "prompt", "action": "flag"})
    batch = batches.to_batch(enumerate(chat(sentence(20, 40) + end, sentence(n, 30)) for n, end in enumerate("吗呢")))
    outcome = step.apply(batch, step.summarize([batch]))
    assert (outcome.batch.num_rows, dict(outcome.tally.flagged)) == (2, {"near_prompt": 1})


def test_at_most_as_much_memory_a_record_as_is_said():
    step = steps.create("near_duplicates")
    records = [chat(sentence(number, 900), sentence(-number, 900)) for number in range(50)]
    (part,) = step.observe(batches.to_batch(enumerate(records)))._parts
    sketches = [
        getattr(one, name).nbytes
        for one in (part.texts, part.answers)
        for name in ("values", "offsets", "sizes", "lengths")
    ]
    assert (sum(sketches) + part.rows.nbytes + part.ids.nbytes + part.sayings.nbytes) / 50 < 2200
