"""The contract of a shape: what the fields of a raw row mean → one record.

Each file is recognized by itself, from its first rows: a shape finds its fields among the columns by their usual
names in English and Chinese and says how sure it is.  A mapping in the recipe says it instead, such as
`mapping: {question: 提问, answer: 回复}`.  A shape's `record` checks everything that makes a row useless for training,
and raises `InputError` with the field, what was found and what to do; the row is put aside and the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from tuneloop.errors import InputError, Where, nearest
from tuneloop.records import Record
from tuneloop.registry import Member, Registry

SURE_ENOUGH = 0.35
BESIDE = {
    "group": (
        "group",
        "group_id",
        "conversation_id",
        "dialogue_id",
        "dialog_id",
        "session_id",
        "thread_id",
        "会话ID",
        "对话ID",
    ),
    "subject": ("subject", "customer_id", "user_id", "客户ID", "用户ID"),
}
"""Columns beside the record: what belongs together in a split, and whom a row is about."""


@dataclass(frozen=True)
class Field:
    """A field of a shape; `known_as` are the column names that it usually has, the best first."""

    name: str
    known_as: tuple[str, ...] = ()
    required: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.known_as)


REASONING = Field(
    "reasoning",
    (
        "reasoning_content",
        "thinking",
        "cot",
        "complex_cot",
        "chain_of_thought",
        "思考过程",
        "推理过程",
        "思维链",
    ),
    required=False,
)
"""What is thought before the answer, in a column beside it; names that are also classes (推理) are left out."""


class Shape(Member):
    fields: ClassVar[tuple[Field, ...]]

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        """How sure it is that rows with its fields in these columns are of this shape, 0 to 1."""
        raise NotImplementedError

    def record(self, values: Mapping[str, Any]) -> Record:
        """The record of one row; `values` holds the fields that the row has, by the shape's own names."""
        raise NotImplementedError

    def find(self, sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The column of each field; empty when a required one is missing."""
        present = {fold(column): column for row in reversed(sample) for column in reversed(row)}
        found: dict[str, str] = {}
        for field in self.fields:
            columns = (present[fold(name)] for name in field.names if fold(name) in present)
            column = next((column for column in columns if column not in found.values()), None)
            if column is not None:
                found[field.name] = column
            elif field.required:
                return {}
        return found


shapes = Registry("tuneloop.prepare.shapes", Shape)


@dataclass(frozen=True)
class Reading:
    """How the rows of one file are read: the shape, the column of each field, how sure, and what is not used."""

    shape: Shape
    columns: Mapping[str, str]
    confidence: float
    unused: tuple[str, ...] = ()
    group: str | None = None
    subject: str | None = None

    def record(self, row: Mapping[str, Any]) -> Record:
        values = {field: row[column] for field, column in self.columns.items() if row.get(column) is not None}
        for field in self.shape.fields:
            if field.required and field.name not in values:
                column = self.columns[field.name]
                found = "null" if column in row else "no such field"
                raise InputError(f"found {found}", expected="a value", where=Where(field=column))
        try:
            return self.shape.record(values)
        except InputError as error:
            raise _with_column(error, self.columns) from None

    def key(self, row: Mapping[str, Any], column: str | None) -> str | None:
        """The group or subject of a row as text."""
        value = row.get(column) if column is not None else None
        return None if value is None or value == "" else str(value)


def fold(name: str) -> str:
    """Column names are compared without case, blanks, underscores and hyphens, traditional characters as simplified."""
    return re.sub(r"[\s_\-]+", "", name).lower().translate(_SIMPLIFIED)


_SIMPLIFIED = str.maketrans(
    "問題覆標準輸應譯戶顧機對話會語說類別籤評論內標語詞讚點選擇拒絕較過維鏈統繫系示詢項參號歷級據輪資訊訓練優勝",
    "问题复标准输应译户顾机对话会语说类别签评论内标语词赞点选择拒绝较过维链统系系示询项参号历级据轮资讯训练优胜",
)
"""The characters that names of columns have and that the two scripts write differently."""


def read_rows(
    sample: Sequence[Mapping[str, Any]],
    *,
    shape: str | Mapping[str, Any] | Shape | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Reading:
    """Find out how rows like these are read.

    Raises `InputError` that lists the columns and shows the option to write, when nothing is sure enough or the mapping
    does not fit.
    """
    mapping = dict(mapping or {})
    beside = {name: mapping.pop(name) for name in BESIDE if name in mapping}
    candidates = [shapes.create(shape)] if shape is not None else [shapes.load(name)() for name in shapes]
    best = _mapped(candidates, mapping, sample) if mapping else _guessed(candidates, sample, named=shape is not None)
    member, columns, confidence = best
    group, subject = (_beside(name, beside, sample) for name in BESIDE)
    used = {*columns.values(), group, subject}
    unused = [column for column in columns_of(sample) if column not in used]
    return Reading(member, columns, confidence, tuple(unused), group, subject)


def columns_of(sample: Iterable[Mapping[str, Any]]) -> list[str]:
    """All columns in the order in which they appear first."""
    return list(dict.fromkeys(column for row in sample for column in row))


@cache
def _known_fields() -> frozenset[str]:
    members = [shapes.load(name) for name in shapes]
    return frozenset(fold(name) for member in members for field in member.fields for name in field.names)


def is_known_field(name: str) -> bool:
    """Does a shape know a column of this name?  Then a first row that holds it holds names."""
    return fold(name) in _known_fields()


_Match = tuple[Shape, dict[str, str], float]


def _guessed(candidates: list[Shape], sample: Sequence[Mapping[str, Any]], named: bool) -> _Match:
    matches = [(member, found) for member in candidates if (found := member.find(sample))]
    scored = [
        (member, found, member.score(found, sample) * _filled(member, found, sample)) for member, found in matches
    ]
    best = max(scored, key=lambda match: match[2], default=None)
    if best is None or (best[2] < SURE_ENOUGH and not named):
        raise _unknown(sample, candidates[0] if named else None)
    return best


def _filled(member: Shape, found: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
    """The share of rows that have all required fields."""
    required = [found[field.name] for field in member.fields if field.required]
    return sum(all(row.get(column) is not None for column in required) for row in sample) / max(len(sample), 1)


def _mapped(candidates: list[Shape], mapping: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> _Match:
    columns = columns_of(sample)
    for field, column in mapping.items():
        if column not in columns:
            hint = nearest(column, columns)
            raise InputError(
                f"the mapping takes {field!r} from the column {column!r}, which is not there",
                expected=_listed(columns),
                do=hint[0].upper() + hint[1:],
            )
    fitting: list[tuple[Shape, dict[str, str]]] = []
    for member in candidates:
        names = {field.name for field in member.fields}
        required = {field.name for field in member.fields if field.required}
        if mapping.keys() <= names and required <= mapping.keys():
            fitting.append((member, dict(mapping)))
    if fitting:
        member, found = max(fitting, key=lambda match: (match[0].score(match[1], sample), -len(match[0].fields)))
        return member, found, 1.0
    best = _completed(candidates, mapping, sample)
    if best is not None:
        return best
    known = {field.name for member in candidates for field in member.fields}
    strange = sorted(mapping.keys() - known)
    if strange:
        hint = nearest(strange[0], known)
        raise InputError(
            f"the mapping names the field {strange[0]!r}, which no shape has", do=hint[0].upper() + hint[1:]
        )
    raise InputError(
        f"no shape has just the fields {', '.join(sorted(mapping))}",
        expected="one of " + "; ".join(_wanted(member) for member in candidates),
    )


def _completed(
    candidates: list[Shape], mapping: Mapping[str, str], sample: Sequence[Mapping[str, Any]]
) -> _Match | None:
    """A mapping of some fields, such as `reasoning` alone: the other fields are found by their usual names."""
    named = {column: field for field, column in mapping.items()}
    if len(named) < len(mapping):
        return None
    renamed = [
        {column: value for column, value in row.items() if column not in named and column not in mapping}
        | {named[column]: value for column, value in row.items() if column in named}
        for row in sample
    ]
    matches = []
    for member in candidates:
        found = member.find(renamed)
        if all(found.get(field) == field for field in mapping):
            matches.append((member, found, member.score(found, renamed) * _filled(member, found, renamed)))
    best = max(matches, key=lambda match: match[2], default=None)
    if best is None or best[2] < SURE_ENOUGH:
        return None
    return best[0], {field: mapping.get(field, column) for field, column in best[1].items()}, best[2]


def _beside(name: str, given: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> str | None:
    columns = columns_of(sample)
    if name in given:
        if given[name] not in columns:
            raise InputError(
                f"the mapping takes {name!r} from the column {given[name]!r}, which is not there",
                expected=_listed(columns),
            )
        return given[name]
    folded = {fold(column): column for column in columns}
    return next((folded[fold(usual)] for usual in BESIDE[name] if fold(usual) in folded), None)


def _unknown(sample: Sequence[Mapping[str, Any]], named: Shape | None) -> InputError:
    columns = columns_of(sample)
    first = [column for column in columns if any(isinstance(row.get(column), str) for row in sample)] or columns
    names = [*first, "COLUMN", "COLUMN"]
    example = f"question: {names[0]}, answer: {names[1]}"
    wanted = f"the fields of {named.name} ({_wanted(named)})" if named else "columns of a known shape"
    return InputError(
        f"found {_listed(columns)}",
        expected=wanted,
        do=f"Say what they mean in the recipe, such as prepare.mapping: {{{example}}}, or {{text: {names[0]}}}",
    )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(column[:40]) for column in columns[:20])
    return f"the columns {shown}" + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")


def _wanted(member: Shape) -> str:
    return ", ".join(field.name if field.required else f"[{field.name}]" for field in member.fields)


def _with_column(error: InputError, columns: Mapping[str, str]) -> InputError:
    """Name the field as the file does: `messages[2]` is `对话[2]` where the mapping says so."""
    if error.where is None or error.where.field is None:
        return error
    name, bracket, rest = error.where.field.partition("[")
    place = Where(field=columns.get(name, name) + bracket + rest)
    return InputError(error.message, expected=error.expected, where=place, do=error.do)
