"""Near-duplicates merge into the first; opposites, other answers and other labels never do."""

import random

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
            found[rows[place]] = (numbers[decision.into], float(decision.detail))
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
    found = merged(chain)
    assert found
    assert 7 not in found or found[7][0] != 0
    assert all(index >= 0.7 for _, index in found.values())


def test_the_threshold_is_a_setting():
    records = [Record("text", text=sentence(5, 30)), Record("text", text=sentence(5, 30)[:25] + "别的话了呢")]
    assert merged(records, similarity=0.95) == {}
    assert 1 in merged(records, similarity=0.5)


def test_at_most_a_kilobyte_a_record():
    step = steps.create("near_duplicates")
    records = [chat(sentence(number, 900), sentence(-number, 900)) for number in range(50)]
    (part,) = step.observe(batches.to_batch(enumerate(records)))._parts
    sketches = [
        getattr(one, name).nbytes
        for one in (part.texts, part.answers)
        for name in ("values", "offsets", "sizes", "lengths")
    ]
    assert (sum(sketches) + part.rows.nbytes + part.ids.nbytes) / 50 < 1000
