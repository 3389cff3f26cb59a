"""What holds for every step and splitter: texts in both languages, and decisions carried out row by row."""

import json
import pickle
from typing import ClassVar

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.prepare import batches
from tuneloop.prepare.decision import KEEP, Decision, Drop, Replace
from tuneloop.prepare.split import splits
from tuneloop.prepare.step import Step, StepContext, steps
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class Shout(Step):
    title, help = Words("Shout", "大写"), Words("…", "…")
    reasons: ClassVar = {"silent": Words("says nothing", "没有内容")}

    def decide_one(self, record: Record) -> Decision:
        if not record.text:
            return Drop("silent")
        loud = Record("text", text=record.text.upper())
        return Replace(loud, {"letters": len(record.text)}) if loud != record else KEEP


def batch(*texts: str) -> pa.RecordBatch:
    return batches.to_batch((row, Record("text", text=text)) for row, text in enumerate(texts))


def test_decisions_are_carried_out_in_order_and_counted():
    outcome = Shout().apply(batch("a", "", "B", "cd", ""))
    assert [record.text for record in batches.to_records(outcome.batch)] == ["A", "B", "CD"]
    assert outcome.batch.column("row").to_pylist() == [0, 2, 3]
    assert outcome.batch.column("id")[0].as_py() == Record("text", text="A").id
    assert [place for place, _ in outcome.decided] == [0, 1, 3, 4]
    tally = outcome.tally + outcome.tally
    assert (tally.seen, tally.kept, tally.replaced, tally.dropped["silent"], tally.edits["letters"]) == (10, 2, 4, 4, 6)


def test_further_columns_travel_along():
    source = batch("a", "", "b").append_column("source", pa.array(["x", "y", "z"]))
    assert Shout().apply(source).batch.column("source").to_pylist() == ["x", "z"]


def test_a_batch_may_lose_all_its_rows():
    outcome = Shout().apply(batch("", ""))
    assert outcome.batch.num_rows == 0
    assert outcome.batch.schema == batches.schema()


def test_a_reason_that_was_not_declared_is_a_bug():
    class Careless(Shout):
        reasons: ClassVar = {}

    with pytest.raises(ValueError, match="does not declare"):
        Careless().apply(batch(""))


@pytest.mark.parametrize("name", list(steps))
def test_every_step_starts_pickles_and_takes_an_empty_batch(name):
    step = pickle.loads(  # noqa: S301  (our own bytes)
        pickle.dumps(steps.create(name).start(StepContext(b"secret")))
    )
    empty = batch()
    assert step.apply(empty, step.summarize([empty])).tally.seen == 0
    for code, words in step.reasons.items():
        assert code.isidentifier()
        assert words.en
        assert words.zh


ODD = [
    "手机13812345678",
    "a@b.c\u200bom",
    '"',
    "\\",
    "\n",
    "\r",
    " ",
    "\x00",
    "e\u0301",
    "Ã©",
    "锟斤拷",
    "密码:a1b2c3",
    "\u2028",
    "京A12345",
]


@pytest.mark.parametrize("name", [name for name in steps if not steps.create(name).whole_set])
@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(ODD), max_size=5).map("".join), st.sampled_from(ODD))
def test_what_a_step_does_not_parse_it_would_have_kept(name, text, more):
    step = steps.create(name).start(StepContext(b"secret"))
    call = {"function": {"name": "f", "arguments": json.dumps({"a": more, "b": [text, 13812345678]})}}
    for record in (Record("text", text=text), Record("chat", messages=(Turn("assistant", more, tool_calls=(call,)),))):
        if not step.concerns(record.canonical.decode()):
            assert step.decide_one(record) == KEEP


@pytest.mark.parametrize("name", list(steps))
def test_steps_and_what_they_have_seen_travel_to_other_processes(name):
    source = batch("你好，请问怎么退款？", "你好，请问怎么退款？ ", "手机13812345678", "a\u200bb", "", "<b>粗体</b>字")
    step = steps.create(name).start(StepContext(b"secret"))
    here = step.apply(source, step.summarize([source]))
    sent = pickle.loads(pickle.dumps((step, source, step.summarize([source]))))  # noqa: S301  (our own bytes)
    there = sent[0].apply(sent[1], sent[2])
    assert there.batch == here.batch
    assert there.decided == here.decided


@pytest.mark.parametrize("name", list(splits))
def test_every_splitter_takes_nothing(name):
    splitter = splits.create(name)
    assert splitter.split(None).counts == {"train": 0, "validation": 0, "test": 0}
    assert splitter.split(splitter.observe(batch())).of([]) == []
