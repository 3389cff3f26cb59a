"""Transcripts: a list of utterances with a speaker and a text, as service logs and research sets have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.prepare.order import check_order, join_same
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.records import Record
from tuneloop.wording import Words


class Dialogue(Shape):
    """A list of utterances; what one speaker says in a row is joined, as logs are full of it."""

    title = Words("Transcript", "对话转录")
    help = Words(
        '{"utterances": [{"speaker": "user", "text": …}, …]}; what one speaker says in a row becomes one turn.',
        '{"utterances": [{"speaker": "user", "text": …}, …]}；同一说话人连续的几句合并为一轮。',
    )
    fields = (Field("utterances", ("turns", "dialogue", "dialog", "dialogs", "chat", "log", "对话", "会话")),)

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        lists = [row.get(columns["utterances"]) for row in sample]
        fitting = sum(isinstance(value, list) and bool(value) and isinstance(value[0], dict) for value in lists)
        return 0.8 * fitting / len(lists)

    def record(self, values: Mapping[str, Any]) -> Record:
        turns = join_same(read_turns(values["utterances"], "utterances"))
        check_order(turns, "utterances")
        return Record("chat", messages=turns)
