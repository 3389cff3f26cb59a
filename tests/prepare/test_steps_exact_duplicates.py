"""Equal records merge into the first, whatever the order in which batches are seen."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.prepare import batches
from tuneloop.prepare.decision import Merge
from tuneloop.prepare.folding import folded, folded_payload
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn


def chat(question: str, answer: str, **turn) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer, **turn)))


def merged(records: list[Record], size: int = 3) -> dict[int, str]:
    """Row → id of the record it merges into; batches are observed from last to first."""
    step = steps.create("exact_duplicates")
    parts = [
        batches.to_batch((row, records[row]) for row in range(start, min(start + size, len(records))))
        for start in range(0, len(records), size)
    ]
    summary = step.summarize(reversed(parts))
    found = {}
    for part in parts:
        outcome = step.apply(part, summary)
        rows = part.column("row").to_pylist()
        found |= {rows[place]: decision.into for place, decision in outcome.decided if isinstance(decision, Merge)}
    return found


def test_the_first_of_equals_stays_and_white_space_at_the_ends_plays_no_part():
    first = chat("怎么退款？", "请在订单页申请。")
    records = [
        first,
        chat("怎么退款？", "请打客服电话。"),
        chat("怎么退款？", "请在订单页申请。"),
        chat(" 怎么退款？\n", "请在订单页申请。  "),
        chat("怎么退款？", "请在订单页申请。", weight=0),
        Record("text", text="怎么退款？\n请在订单页申请。"),
        Record("text", text="怎么退款？ \r\n请在订单页申请。"),
    ]
    assert merged(records) == {2: first.id, 3: first.id, 6: records[5].id}


def test_labels_and_indentation_matter():
    records = [
        Record("label", text="还行", label="好评"),
        Record("label", text="还行", label="差评"),
        Record("text", text="if a:\n    b()\n    c()"),
        Record("text", text="if a:\n    b()\nc()"),
    ]
    assert merged(records) == {}


TEXTS = st.text(alphabet='你好 a\n\r\t"\\e\u0301\u3000\xa0', max_size=8)


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_the_quick_way_finds_what_the_thorough_way_finds(one, two):
    first, second = Record("text", text=one), chat(one, two)
    for record in (first, second):
        assert folded_payload(record.canonical) == folded(record).canonical


def test_a_large_set_with_many_equals():
    source = random.Random(3)
    numbers = [source.randrange(400) for _ in range(2000)]
    records = [Record("text", text=f"第 {number} 句话") for number in numbers]
    found = merged(records, size=170)
    firsts = {}
    for row, number in enumerate(numbers):
        assert found.get(row) == (records[row].id if number in firsts else None)
        firsts.setdefault(number, row)


def test_at_most_a_hundred_bytes_a_record():
    step = steps.create("exact_duplicates")
    summary = step.summarize([batches.to_batch(enumerate(Record("text", text=str(n)) for n in range(500)))] * 1)
    held = sum(array.nbytes for part in summary._parts for array in part)
    assert held == 0  # nothing is equal, so nothing is kept
    part = step.observe(batches.to_batch(enumerate(Record("text", text=str(n)) for n in range(500))))
    assert sum(np.asarray(array).nbytes for one in part._parts for array in one) / 500 <= 56
