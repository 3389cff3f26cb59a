"""What a record teaches: the answers that are trained on, and the question that stands before the last one."""

from __future__ import annotations

from collections.abc import Iterator

from tuneloop.records import Record, Turn


def answers(record: Record) -> Iterator[Turn]:
    """The assistant's turns that a model learns to say: of a pair the chosen side's, of a badly rated answer none."""
    if record.kind == "rating" and record.label is False:
        return
    for turn in (*record.messages, *record.chosen):
        if turn.role == "assistant" and turn.weight != 0:
            yield turn


def question(record: Record) -> tuple[Turn, ...]:
    """Everything that stands before the last answer; all messages of a pair, and nothing for a text."""
    if record.kind == "preference":
        return record.messages
    last = max((place for place, turn in enumerate(record.messages) if turn.role == "assistant"), default=0)
    return record.messages[:last]
