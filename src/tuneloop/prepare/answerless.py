"""Rows without answers: what a file of system messages, questions or facts can serve as.

Such a file is no mistake.  Nothing in it says what a model shall answer, so it becomes no examples by itself, and the
report says what it is good for.  Where the input holds nothing else there is no version to make: `NoAnswersError`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tuneloop.errors import InputError, Where
from tuneloop.prepare.shape import columns_of, fold, shapes
from tuneloop.records import DatasetVersion
from tuneloop.wording import Words

REASON = "without_answer"

_SYSTEM = ("system", "system_prompt", "system_message", "persona", "系统", "系统提示", "系统消息", "人设")
_FACTS = ("fact", "facts", "knowledge", "statement", "事实", "知识", "知识点", "资料")
_KINDS = {
    "system": Words("system messages", "系统消息"),
    "question": Words("questions", "问题"),
    "fact": Words("facts", "事实或知识"),
}

SERVES = Words(
    "{file} holds {kind} and no answers. That is no mistake: it can serve as raw text (--set shape=plain_text --set "
    "mapping.text={column}), and as seeds once data can be synthesized. To tune on questions and answers, add the "
    "answers.",
    "{file} 只有{kind}，没有回答。这不算错误：可以当作纯文本使用（--set shape=plain_text --set "
    "mapping.text={column}），待支持数据合成后也可作为种子。若要做问答微调，请补上回答。",
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
            f"It can serve as raw text (--set shape=plain_text --set mapping.text={self.column}), and as a seed once "
            "data can be synthesized."
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What a recipe of `prepare` must say so that each row becomes a text."""
        return {"shape": "plain_text", "mapping": {"text": self.column}}

    def as_dict(self, file: str) -> dict[str, Any]:
        """For the report: `file`, `kind`, `column`, the `settings` that make raw text of it, and the sentence."""
        return {
            "file": file,
            "kind": self.kind._asdict(),
            "column": self.column,
            "settings": self.settings,
            "text": self.words(file)._asdict(),
        }


class NoAnswersError(InputError):
    """Every item lacks an answer, so there is no version to make; the commands and runs take it for no failure.

    `found` is what a dry run gives: a version without a name or records, with the report.  `serves` says of each file
    what it can serve as (`Answerless.as_dict`); `result` is what a run ends with.
    """

    def __init__(
        self,
        message: str,
        *,
        expected: str = "",
        where: Where | None = None,
        do: str = "",
        found: DatasetVersion | None = None,
    ) -> None:
        super().__init__(message, expected=expected, where=where, do=do)
        self.found = found

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.message, self.expected, self.where, self.do, self.found)

    @property
    def serves(self) -> list[dict[str, Any]]:
        inputs = self.found.report["inputs"] if self.found is not None else []
        return [one for given in inputs for one in given["serves"]]

    @property
    def result(self) -> dict[str, Any]:
        items = self.found.report["items"] if self.found is not None else 0
        return {"data": None, "items": items, "serves": self.serves}


def _again(message: str, expected: str, where: Where | None, do: str, found: DatasetVersion | None) -> NoAnswersError:
    return NoAnswersError(message, expected=expected, where=where, do=do, found=found)


def no_answers(found: DatasetVersion) -> NoAnswersError:
    """The error for a version that came out empty as all of its items lack answers."""
    items = found.report["items"]
    message = (
        "the only item became no record, as it holds no answer"
        if items == 1
        else f"none of {items} items became a record, as none holds an answer"
    )
    error = NoAnswersError(message, found=found)
    return NoAnswersError(message, do=" ".join(one["text"]["en"] for one in error.serves), found=found)


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
