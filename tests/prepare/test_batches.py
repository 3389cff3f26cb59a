"""Records go into batches and come out the same."""

from __future__ import annotations

import pytest

from tuneloop.prepare import batches
from tuneloop.records import Part, Record, Turn

RECORDS = [
    Record("text", text="一段文字"),
    Record("chat", messages=(Turn("user", "在吗"), Turn("assistant", ""))),
    Record("chat", messages=(Turn("user", "q", name="小王"), Turn("assistant", "a", weight=0.0, reasoning="想"))),
    Record(
        "chat", messages=(Turn("user", (Part("text", "看"), Part("image", blob="sha256:0"))), Turn("assistant", "好"))
    ),
    Record("chat", messages=(Turn("user", "q"), Turn("assistant", "a")), tools=({"type": "function"},)),
    Record(
        "preference",
        messages=(Turn("user", "q"),),
        chosen=(Turn("assistant", "a"),),
        rejected=(Turn("assistant", "b"),),
    ),
    Record("rating", messages=(Turn("user", "q"), Turn("assistant", "a")), label=False),
    Record("label", text="好吃", label="1"),
    Record("label", messages=(Turn("user", "q"),), label="x"),
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_payload_is_read_as_the_careful_way_reads_it(record):
    batches._met.clear()
    batch = batches.to_batch([(7, record)])
    batches._met.clear()
    (found,) = batches.to_records(batch)
    assert found == record == Record.from_payload(record.payload())
    assert batch.column("id")[0].as_py() == found.id == record.id


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(batches, "_MET_BYTES", 1000)
    for number in range(200):
        batches.to_record(Record("text", text=f"{number}" * 20).canonical)
        assert sum(map(len, batches._met)) <= 1000
