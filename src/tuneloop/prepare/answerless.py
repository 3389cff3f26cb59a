"""Rows without answers: what a file of system messages, questions or facts can serve as.

Such a file is no mistake.  Nothing in it says what a model shall answer, so it becomes no examples by itself, and the
report says what it is good for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tuneloop.prepare.shape import columns_of, fold, shapes
from tuneloop.wording import Words

_SYSTEM = ("system", "system_prompt", "system_message", "persona", "系统", "系统提示", "系统消息", "人设")
_FACTS = ("fact", "facts", "knowledge", "statement", "事实", "知识", "知识点", "资料")
_KINDS = {
    "system": Words("system messages", "系统消息"),
    "question": Words("questions", "问题"),
    "fact": Words("facts", "事实或知识"),
}

SERVES = Words(
    "{file} holds {kind} and no answers. That is no mistake: it can serve as raw text (--set shape=plain_text --set "
    "mapping.text={column}) or as seeds for synthesis. To tune on questions and answers, add the answers.",
    "{file} 只有{kind}，没有回答。这不算错误：可以当作纯文本使用（--set shape=plain_text --set "
    "mapping.text={column}），也可以作为合成数据的种子。若要做问答微调，请补上回答。",
)


class Answerless(NamedTuple):
    """`column` holds what there is."""

    kind: Words
    column: str

    def words(self, file: str) -> Words:
        return SERVES.format(file=file, kind=self.kind, column=self.column)

    @property
    def sentence(self) -> str:
        """For the row's own message."""
        return (
            f"It can serve as raw text (--set shape=plain_text --set mapping.text={self.column}) or as a seed for "
            "synthesis."
        )


def answerless(sample: Sequence[Mapping[str, Any]], used: Collection[str] | None = None) -> Answerless | None:
    """What rows without any answer hold; None where an answer may stand in one of the columns or nothing is known.

    `used` are the columns of the shape that was found, if one was; only lists of messages are looked into then.
    """
    columns = columns_of(sample) if sample else []
    named = {fold(column): column for column in columns}
    if any(_has_assistant(row.get(column)) for row in sample for column in columns):
        return None
    for column in columns if used is None else [column for column in columns if column in used]:
        values = [row.get(column) for row in sample]
        if all(isinstance(value, list) and _roles(value) for value in values):
            alone = all(_roles(value or []) <= {"system", "developer"} for value in values)
            return Answerless(_KINDS["system" if alone else "question"], column)
    if used is not None or any(fold(name) in named for name in _answers()):
        return None
    for kind, names in (("question", _questions()), ("fact", _FACTS), ("system", _SYSTEM)):
        for name in names:
            column = named.get(fold(name), "")
            if column and any(isinstance(row.get(column), str) and row[column].strip() for row in sample):
                return Answerless(_KINDS[kind], column)
    return None


def _questions() -> tuple[str, ...]:
    return next(field.names for field in shapes.load("qa_columns").fields if field.name == "question")


def _answers() -> set[str]:
    """Every name that some shape knows for what a model answers."""
    known = {"answer", "completion", "output", "chosen", "rejected", "label"}
    fields = [field for name in shapes for field in shapes.load(name).fields]
    return {name for field in fields if field.name in known for name in field.names}


def _has_assistant(value: Any) -> bool:
    return isinstance(value, list) and bool(_roles(value) & {"assistant", "gpt", "bot", "chatgpt"})


def _roles(value: list[Any]) -> set[str]:
    """The speakers of a list of messages; empty for another list."""
    if not all(isinstance(one, dict) for one in value):
        return set()
    roles = {str(one.get("role") or one.get("from") or one.get("speaker") or "") for one in value}
    return set() if "" in roles else roles
