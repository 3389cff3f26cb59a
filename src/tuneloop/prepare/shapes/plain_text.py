"""Raw text, for continued pre-training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import shown
from tuneloop.records import Record
from tuneloop.wording import Words


class PlainText(Shape):
    """One text, taken as it is; of a list of messages what they say, without the roles."""

    title = Words("Plain text", "纯文本")
    help = Words(
        '{"text": …}: documents for continued pre-training.',
        '{"text": …}：用于继续预训练的文档。',
    )
    fields = (
        Field("text", ("content", "文本", "正文", "内容", "document", "body", "passage", "article", "raw_content")),
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        texts = sum(isinstance(row.get(columns["text"]), str) for row in sample)
        return (0.7 if columns["text"] == "text" else 0.5) * texts / len(sample)

    def record(self, values: Mapping[str, Any]) -> Record:
        text = values["text"]
        if isinstance(text, list):
            text = "\n\n".join(turn.text for turn in read_turns(text, "text"))
        if not isinstance(text, str):
            raise InputError(f"found {shown(text)}", expected="a text", where=Where(field="text"))
        return Record("text", text=text)
