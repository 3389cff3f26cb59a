"""Length limits per kind, in characters."""

from tuneloop.prepare import batches
from tuneloop.prepare.step import steps
from tuneloop.records import Record, Turn


def test_each_kind_has_its_own_limits_and_the_reason_says_the_figures():
    step = steps.create({"name": "length", "text": {"minimum": 4}, "chat": {"minimum": 1, "maximum": 5}})
    rows = [
        Record("text", text="三个字"),
        Record("text", text="四个字了"),
        Record("chat", messages=(Turn("user", "在吗"), Turn("assistant", "在"))),
        Record("chat", messages=(Turn("user", "在吗"), Turn("assistant", "在的呀"))),
    ]
    outcome = step.apply(batches.to_batch(enumerate(rows)))
    assert outcome.batch.column("row").to_pylist() == [1, 2]
    assert [(decision.reason, decision.detail) for _, decision in outcome.decided] == [
        ("too_short", "3 < 4"),
        ("too_long", "6 > 5"),
    ]
