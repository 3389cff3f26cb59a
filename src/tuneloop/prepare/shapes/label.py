"""Texts with a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.config import setting
from tuneloop.errors import InputError, Where
from tuneloop.prepare.shape import Field, Shape
from tuneloop.prepare.values import shown, text_of
from tuneloop.records import Record
from tuneloop.wording import Words


class Label(Shape):
    """A text and its class; in tables without names the column that repeats is the class."""

    title = Words("Labelled texts", "带类别的文本")
    help = Words(
        "A text and its class, for classification; the class may be a name or a number.",
        "一段文本和它的类别，用于分类；类别可以是名称或编号。",
    )
    fields = (
        Field(
            "text",
            (
                "sentence",
                "review",
                "comment",
                "content",
                "文本",
                "内容",
                "评论",
                "句子",
                "title",
                "标题",
                "headline",
                "query",
            ),
        ),
        Field(
            "label",
            ("labels", "category", "class", "标签", "类别", "分类", "intent", "意图", "sentiment", "情感", "emotion"),
        ),
    )

    names: tuple[str, ...] = setting(
        (), en="names of the classes that the file numbers from 0", zh="文件中用编号（从 0 起）表示的类别名称"
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        labels = [row.get(columns["label"]) for row in sample]
        fitting = sum(isinstance(value, str | int) and len(str(value)) <= 60 for value in labels)
        certain = 0.6 if columns["label"].startswith("column_") else 0.85
        return certain * fitting / len(labels)

    def find(self, sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        found = super().find(sample)
        names = list(dict.fromkeys(name for row in sample for name in row))
        return found or (_by_repeats(sample) if names == ["column_1", "column_2"] else {})

    def record(self, values: Mapping[str, Any]) -> Record:
        label = values["label"]
        if isinstance(label, float) and label.is_integer():
            label = int(label)
        if not isinstance(label, str | int) or not str(label).strip():
            raise InputError(
                f"found {shown(label)}", expected="the name or number of a class", where=Where(field="label")
            )
        name = ("true" if label else "false") if isinstance(label, bool) else str(label).strip()
        return Record("label", text=text_of(values, "text"), label=self._named(name))

    def _named(self, label: str) -> str:
        if not self.names:
            return label
        if not label.isdigit() or int(label) >= len(self.names):
            raise InputError(
                f"found {label!r}", expected=f"a number under {len(self.names)}", where=Where(field="label")
            )
        return self.names[int(label)]


def _by_repeats(sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Of two nameless columns, the one with few, short values that repeat is the class."""
    for label, text in (("column_1", "column_2"), ("column_2", "column_1")):
        cells = [str(row.get(label, "")) for row in sample]
        texts = {str(row.get(text, "")) for row in sample}
        if (
            len(cells) >= 4
            and max(map(len, cells)) <= 40
            and len(set(cells)) <= len(cells) / 2
            and len(texts) > len(set(cells))
        ):
            return {"text": text, "label": label}
    return {}
