"""Tags of source items: what a record is about, as a column says it, a rule finds it, or its input tells.

    tags: topic                                    # a column
    tags: {columns: [topic, intent], source: true, labels: true}
    tags:
      rules:
        - {tag: refund, words: [退款, refund], where: question}
        - {tag: order, pattern: "订单号?\\s*\\d+"}

A cell may hold several tags: a list, or a text with `,`, `;`, `|` or their Chinese forms between them.  Tags are short
and few: a column of free text is refused with the text found.  Patterns are RE2, whose time grows with the text and
never beyond; look-around and back references are not in it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import field_validator, model_validator

from tuneloop.config import Settings, setting
from tuneloop.errors import SettingError, Where, nearest
from tuneloop.prepare.taught import answers, question
from tuneloop.records import Record

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 64
"""Characters of a tag."""
_BETWEEN = re.compile(r"[,;|，；、｜]")
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_SIDE = "[^A-Za-z0-9_]"

Place = Literal["question", "answer", "whole"]


class TagRule(Settings):
    """A tag for the records whose text holds one of the words, or fits the pattern."""

    tag: str = setting(en="the tag", zh="标签", min_length=1, max_length=LONGEST)
    words: tuple[str, ...] = setting(
        (),
        en="words to look for, in any case; Latin words only as a whole",
        zh="要查找的词，不区分大小写；拉丁字母的词须整词匹配",
    )
    pattern: str | None = setting(
        None, en="regular expression to look for (RE2), in any case", zh="要查找的正则表达式（RE2），不区分大小写"
    )
    where: Place = setting(
        "whole", en="where to look: question, answer or whole", zh="查找范围：question 问题、answer 回答、whole 全文"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(word.strip() for word in self.words) and not self.pattern:
            raise ValueError("words or a pattern to look for")
        return self

    @property
    def expression(self) -> str:
        """What RE2 looks for."""
        parts = [_as_expression(word.strip()) for word in self.words if word.strip()]
        return "|".join([*parts, f"(?:{self.pattern})"] if self.pattern else parts)


class TagSettings(Settings):
    """Where tags come from; nothing is tagged unless it is said."""

    columns: tuple[str, ...] = setting((), en="columns whose values are tags", zh="取值作为标签的列（可多列）")
    rules: tuple[TagRule, ...] = setting(
        (),
        en="tags for texts that hold certain words, such as {tag: refund, words: [退款, refund], where: question}",
        zh="按文本内容打标签的规则，如 {tag: 退款, words: [退款, refund], where: question}",
    )
    labels: bool = setting(False, en="the class of a classified text is a tag as well", zh="分类数据的类别也作为标签")
    source: bool = setting(
        False,
        en="the name of the input, without folder and ending, is a tag",
        zh="输入的名称（不含目录和扩展名）也作为标签",
    )
    most: int = setting(
        500,
        en="most different tags; more are taken for a column of free text",
        zh="标签种类上限，超出则视为自由文本列",
        ge=1,
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def wanted(self) -> bool:
        return bool(self.columns or self.rules or self.labels or self.source)

    def check(self) -> None:
        """Find patterns that RE2 does not know; raises `SettingError`."""
        import pyarrow as pa

        for number, rule in enumerate(self.rules):
            try:
                _matches(pa.array([""]), rule)
            except pa.ArrowInvalid as error:
                reason = str(error).partition(": ")[2] or str(error)
                raise SettingError(
                    f"found {rule.pattern!r} ({reason})",
                    expected="a regular expression of RE2, without look-around and back references",
                    where=Where(field=f"prepare.tags.rules[{number}].pattern"),
                ) from None


@dataclass
class Tagger:
    """Finds the tags of items and counts what it found."""

    settings: TagSettings
    found_columns: set[str] = field(default_factory=set)
    seen_columns: dict[str, None] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def see(self, columns: Iterable[str]) -> None:
        """Note the columns of a file, for the error when none has those that are wanted."""
        self.seen_columns.update(dict.fromkeys(columns))

    def of_input(self, name: str, told: Sequence[str] = ()) -> tuple[str, ...]:
        """The tags of all of an input: its name as the user named it, and what was `told` of it."""
        tag = _tidy(Path(name).stem)[:LONGEST] if self.settings.source else ""
        return self._few([*([tag] if tag else ()), *map(_tidy, told)])

    def of_row(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """The tags in the columns of a raw row; raises `SettingError` for what is no tag."""
        found: list[str] = []
        for column in self.settings.columns:
            if column in row:
                self.found_columns.add(column)
                found += self._short(column, _cell(column, row[column]))
        return self._few(found)

    def of_records(self, records: Sequence[Record], given: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """The tags of each record, `given` ones of its columns included: sorted, each once."""
        import pyarrow as pa

        found = [set(one) for one in given]
        if self.settings.labels:
            for tags, record in zip(found, records, strict=True):
                if record.kind == "label":
                    tags.update(self._few(self._short("label", [_tidy(str(record.label))])))
        texts: dict[Place, pa.Array] = {}
        for rule in self.settings.rules:
            if rule.where not in texts:
                texts[rule.where] = pa.array([_text(record, rule.where) for record in records], pa.large_string())
            mask = _matches(texts[rule.where], rule)
            for place in mask.to_numpy(zero_copy_only=False).nonzero()[0].tolist():
                found[place].add(rule.tag)
        return [tuple(sorted(tags)) for tags in found]

    def reject(self, tags: Iterable[str]) -> None:
        """Count a row with these tags that became no record."""
        for tag in tags:
            self.rejected[tag] = self.rejected.get(tag, 0) + 1

    def end(self) -> None:
        """Called when all is read; raises `SettingError` for a column that no file has."""
        missing = [name for name in self.settings.columns if name not in self.found_columns]
        if missing and self.seen_columns:
            hint = nearest(missing[0], self.seen_columns)
            raise SettingError(
                f"tags are taken from the column {missing[0]!r}, which no file has",
                where=Where(field="prepare.tags.columns"),
                do=hint[0].upper() + hint[1:],
            )

    def _short(self, column: str, tags: list[str]) -> list[str]:
        for tag in tags:
            if len(tag) > LONGEST:
                raise SettingError(
                    f"the column {column!r} holds {tag[:40]!r}… of {len(tag)} characters, which is no tag",
                    expected=f"tags of at most {LONGEST} characters",
                    where=Where(field="prepare.tags.columns"),
                    do="Leave the column out, or find tags in its text with prepare.tags.rules",
                )
        return tags

    def _few(self, tags: Iterable[str]) -> tuple[str, ...]:
        found = tuple(sorted(set(tags)))
        if not self._known.issuperset(found):
            self._known.update(found)
            if len(self._known) > self.settings.most:
                shown = ", ".join(repr(tag) for tag in sorted(self._known)[:5])
                raise SettingError(
                    f"found more than {self.settings.most} different tags ({shown}, …): a column of free text or of "
                    "numbers is no column of tags",
                    where=Where(field="prepare.tags.columns"),
                    do="Leave the column out, find tags with prepare.tags.rules, or raise prepare.tags.most",
                )
        return found


def _cell(column: str, value: Any) -> list[str]:
    """The tags that one cell holds."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        listed = _listed(value)
        value = _BETWEEN.split(value) if listed is None else listed
    elif isinstance(value, bool | int | float):
        value = [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)]
    if not isinstance(value, list | tuple) or any(isinstance(one, list | tuple | Mapping) for one in value):
        raise SettingError(
            f"the column {column!r} holds {str(value)[:40]!r}",
            expected="a tag, or a list of tags",
            where=Where(field="prepare.tags.columns"),
        )
    return [tidy for one in value if one is not None and (tidy := _tidy(str(one)))]


def _listed(text: str) -> list[Any] | None:
    """A list written as JSON, as CSV files have it."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _tidy(tag: str) -> str:
    return " ".join(unicodedata.normalize("NFC", tag).encode("utf-8", "replace").decode().split())


def _text(record: Record, where: Place) -> str:
    if where == "whole" or record.text is not None:
        return record.full_text
    turns = question(record) if where == "question" else answers(record)
    return "\n".join(turn.text for turn in turns)


def _matches(texts: pa.Array, rule: TagRule) -> pa.Array:
    import pyarrow.compute as pc

    return pc.match_substring_regex(texts, rule.expression, ignore_case=True)


def _as_expression(word: str) -> str:
    """A word where it stands alone, if it is of Latin letters or digits: Chinese has no blanks between words."""
    left = f"(?:^|{_SIDE})" if re.match("[A-Za-z0-9_]", word) else ""
    right = f"(?:{_SIDE}|$)" if re.search("[A-Za-z0-9_]$", word) else ""
    return left + _SPECIAL.sub(r"\\\1", word) + right
