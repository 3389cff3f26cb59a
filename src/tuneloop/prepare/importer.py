"""The contract of an importer: one file format → raw rows, streamed.

An importer says how sure it is that a file is of its format (from the first 64 KiB, never from the name alone) and
then yields one `Row` or one `Rejection` for each source item, in order, in memory that does not grow with the file.
Beside them it may yield a `Skipped` for what it leaves out on purpose (a hidden sheet, macros), which is named in the
report and is no item.
It does not know what the rows mean: that is a shape's work (`tuneloop.prepare.shape`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.decoding import KEEP_BYTES, encoding_of
from tuneloop.prepare.foreign import is_binary, name_of_foreign
from tuneloop.prepare.source_file import SourceFile
from tuneloop.registry import Member, Registry

EXCERPT = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One source item as plain data.

    `locator` is what a person needs to find it (`line 12`); `line` and `number` (of the row, from 1) go into error
    messages; `group` says that rows belong together (pieces of one document); `mended` names a fault that reading
    mended (`glued`: it stood on one line with another).  `part` is the table that a row is of where a file holds
    several (`sheet "Q3"`): rows of each are read by their own columns.
    """

    data: Mapping[str, Any]
    locator: str
    line: int | None = None
    number: int | None = None
    group: str | None = None
    mended: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One source item that cannot be read: `reason` is a code, `message` the sentence, `excerpt` what was found."""

    reason: str
    message: str
    locator: str
    excerpt: str = ""
    part: str = ""


Item = Row | Rejection | Skipped


@dataclass(frozen=True)
class Head:
    """The beginning of a file, as recognition sees it."""

    file: SourceFile
    encoding: str | None = field(default=None)

    @property
    def data(self) -> bytes:
        return self.file.head

    @property
    def suffix(self) -> str:
        return self.file.suffix

    @cached_property
    def text(self) -> str:
        """The decoded beginning without a character that the cut damaged; empty for binary files."""
        if self.encoding is None:
            return ""
        text = self.data.decode(self.encoding, KEEP_BYTES)
        return text if self.file.head_is_all else text[:-2]

    @cached_property
    def lines(self) -> list[str]:
        """The whole lines of the beginning that are not blank."""
        found = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if not self.file.head_is_all and len(found) > 1:
            found.pop()
        return [line for line in found if line.strip()]


class Importer(Member):
    def recognize(self, head: Head) -> float:
        """How sure it is that the file is of this format, 0 to 1."""
        raise NotImplementedError

    def encoding(self, file: SourceFile, measured: str | None) -> str | None:
        """The codec of a file of this format, where it says so itself; `measured` is what its bytes look like."""
        return measured

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        """One `Row` or `Rejection` for each source item; `encoding` is None for binary formats."""
        raise NotImplementedError


importers = Registry("tuneloop.prepare.importers", Importer)


@dataclass(frozen=True)
class Recognized:
    importer: Importer
    encoding: str | None
    confidence: float


def recognize(file: SourceFile) -> Recognized:
    """The importer that is surest of the file.

    Raises `InputError` for an empty file and for a known or unknown format that no importer reads, whatever its name.
    """
    where = Where(file=file.name)
    if not file.head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        found = "is empty" if file.size == 0 else "holds nothing but blanks"
        raise InputError(
            found, expected="at least one record", where=where, do="Check that it was saved and copied whole"
        )
    if (foreign := name_of_foreign(file)) is not None:
        raise InputError(f"is {foreign.what}{_named(file)}", expected=READABLE, where=where, do=foreign.do)
    head = Head(file, None if is_binary(file) else encoding_of(file))
    ranked = sorted(
        ((member.recognize(head), name, member) for name in importers for member in [importers.load(name)()]),
        key=lambda entry: -entry[0],
    )
    confidence, _, best = ranked[0]
    if confidence <= 0:
        raise InputError(
            f"is of no known format{_named(file)}",
            expected=READABLE,
            where=where,
            do="Save it as one of these, with the text in UTF-8",
        )
    return Recognized(best, best.encoding(file, head.encoding), confidence)


READABLE = (
    "JSONL, JSON, CSV, TSV, Parquet, Excel (.xlsx, .xls, .ods), text, Markdown, HTML, PDF, Word (.docx), PowerPoint "
    "(.pptx) or EPUB, or an archive of such files"
)


def _named(file: SourceFile) -> str:
    return f", though its name ends in {file.suffix}" if file.suffix else ""


def excerpt(text: str) -> str:
    """A short piece of what was found, on one line, with undecodable bytes shown as the replacement character."""
    line = " ".join(text[: 2 * EXCERPT].split())
    return line[:EXCERPT].encode("utf-8", "replace").decode("utf-8") + ("…" if len(line) > EXCERPT else "")
