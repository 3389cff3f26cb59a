"""Tables as text: values separated by commas, tabs, semicolons or bars, with or without a row of names.

RFC 4180 with what spreadsheets do to it: cells in quotes may hold separators and line breaks; files of tabs mostly
know no quotes.  Separator, quoting and names are found from the first rows; each can be said.  A row with more or
fewer cells than the first is refused, as its cells may have moved; an opening quote that is never closed costs its
own line only.

In a file with a byte order mark and no cell that would run as a formula, as our own exports are, one apostrophe before
the sign of a formula is taken off (`formulas.py`); elsewhere apostrophes are data.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from tuneloop.config import setting
from tuneloop.prepare.column_names import Header, column_names
from tuneloop.prepare.decoding import damaged, not_of, open_text
from tuneloop.prepare.formulas import armed, is_formula
from tuneloop.prepare.importer import Head, Importer, Item, Rejection, Row, excerpt
from tuneloop.prepare.lines import MAX_LINE, Line, lines
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

SUFFIXES = (".csv", ".tsv", ".tab")
SAMPLE_ROWS = 200
MAX_ROW_LINES = 1000
"""A cell of more lines is taken for one whose closing quote is missing."""

SEPARATORS: dict[str, str] = {"comma": ",", "tab": "\t", "semicolon": ";", "bar": "|"}


class Csv(Importer):
    """Rows of as many cells as the first; the style is measured on the beginning of the file."""

    title = Words("CSV and TSV", "CSV 与 TSV")
    help = Words(
        "Tables as text, in any common encoding; separator, quotes and the row of column names are recognized.",
        "文本表格，支持常见编码；自动识别分隔符、引号和表头行。",
    )

    separator: Literal["auto", "comma", "tab", "semicolon", "bar"] = setting(
        "auto", en="what stands between the cells", zh="单元格之间的分隔符"
    )
    header: Header = setting("auto", en="does the first row hold the column names?", zh="第一行是不是列名？")

    def recognize(self, head: Head) -> float:
        if not head.lines or 2 * sum("\0" in line for line in head.lines) > len(head.lines):
            return 0.0
        if head.suffix in SUFFIXES:
            return 0.8
        tabs = Counter(line.count("\t") for line in head.lines[:SAMPLE_ROWS])
        count, often = tabs.most_common(1)[0]
        return 0.7 if count and len(head.lines) > 2 and often > 0.95 * tabs.total() else 0.0

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        head = Head(file, encoding)
        style = self._style(head)
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
        with open_text(file, encoding) as stream:
            records = _records(lines(stream), style)
            first = list(_take(records, SAMPLE_ROWS))
            names = column_names([row.cells for row in first if isinstance(row, _Cells)], self.header)
            escaped = _is_escaped(file, first)
            number = 0
            skip_names = names is not None
            for record in chain(first, records):
                if isinstance(record, Rejection):
                    yield record
                elif skip_names:
                    skip_names = False
                else:
                    number += 1
                    record = _Cells([armed(cell) for cell in record.cells], record.line) if escaped else record
                    columns = names or [f"column_{place}" for place in range(1, style.columns + 1)]
                    yield _row(record, columns, number, encoding)

    def _style(self, head: Head) -> _Style:
        separators = list(SEPARATORS.values()) if self.separator == "auto" else [SEPARATORS[self.separator]]
        if self.separator == "auto" and head.suffix in (".tsv", ".tab"):
            separators = ["\t"]
        styles = [_measure(head, mark, quoted) for mark in separators for quoted in _quotings(head, mark)]
        return max(styles, key=lambda style: (style.columns > 1, round(style.share, 1), style.fitting, style.columns))


@dataclass(frozen=True)
class _Style:
    """`share` of the sampled rows have the usual number of `columns`; `fitting` counts them."""

    separator: str
    quoted: bool
    columns: int = 1
    share: float = 0.0
    fitting: int = 0

    def reader(self, feed: Iterable[str]) -> Iterator[list[str]]:
        if self.quoted:
            return csv.reader(feed, delimiter=self.separator, strict=True)
        return csv.reader(feed, delimiter=self.separator, quoting=csv.QUOTE_NONE, strict=True)


@dataclass(frozen=True)
class _Cells:
    cells: list[str]
    line: int


def _quotings(head: Head, separator: str) -> tuple[bool, ...]:
    """May cells be quoted?  With tabs only where each cell that opens with a quotation mark closes with one too.

    A cell that is still open at the end of its line leaves it to the number of fitting rows.
    """
    if separator != "\t":
        return (True,)
    opened = [cell for line in head.lines for cell in line.split("\t") if cell.startswith('"')]
    closed = [
        cell for cell in opened if len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
    ]
    widths = {line.count("\t") for line in head.lines}
    return (True,) if opened == closed and opened else (False,) if len(widths) == 1 or not opened else (False, True)


def _measure(head: Head, separator: str, quoted: bool) -> _Style:
    numbered = (Line(number, text) for number, text in enumerate(head.lines, 1))
    style = _Style(separator, quoted)
    rows = list(_take(_records(numbered, style), SAMPLE_ROWS))
    widths = Counter(len(row.cells) if isinstance(row, _Cells) else 0 for row in rows)
    columns, fitting = widths.most_common(1)[0]
    return _Style(separator, quoted, max(columns, 1), fitting / len(rows), fitting)


def _take(records: Iterator[_Cells | Rejection], count: int) -> Iterator[_Cells | Rejection]:
    for _, record in zip(range(count), records, strict=False):
        yield record


def _records(numbered: Iterator[Line], style: _Style) -> Iterator[_Cells | Rejection]:
    """Rows of cells; a line that the reader cannot finish is put aside and reading starts again after it."""
    waiting: deque[Line] = deque()
    taken: list[Line] = []

    def feed() -> Iterator[str]:
        while len(taken) < MAX_ROW_LINES:
            line = waiting.popleft() if waiting else next(numbered, None)
            if line is None:
                return
            taken.append(line)
            yield line.text + "\n"

    while True:
        reader = style.reader(feed())
        try:
            for cells in reader:
                if (cells and any(cells)) or (cells and len(cells) > 1):
                    yield _Cells(cells, taken[0].number)
                taken.clear()
        except csv.Error as error:
            broken = taken[0]
            waiting.extendleft(reversed(taken[1:]))
            taken.clear()
            yield Rejection("bad_row", _why(error), f"line {broken.number}", excerpt(broken.text))
            continue
        if not waiting and not taken:
            return
        taken.clear()


def _is_escaped(file: SourceFile, first: Iterable[_Cells | Rejection]) -> bool:
    """Does an apostrophe before the sign of a formula stand for nothing?  In files as `writers.csv` writes them.

    Those have a byte order mark and no cell that a spreadsheet would run; else the apostrophe was in the data.
    """
    if not file.head.startswith(codecs.BOM_UTF8):
        return False
    return not any(is_formula(cell) for row in first if isinstance(row, _Cells) for cell in row.cells)


def _why(error: csv.Error) -> str:
    if "end of data" in str(error):
        return 'found a quotation mark that opens a cell and is never closed. Close it, or write it twice ("").'
    if "field limit" in str(error) or "field larger" in str(error):
        return f"found a cell of more than {MAX_LINE:,} characters. Split it."
    return f'cannot be read as a row: {error}. A quotation mark inside a quoted cell is written twice ("").'


def _row(record: _Cells, columns: list[str], number: int, encoding: str | None) -> Item:
    place = f"line {record.line}"
    shown = " | ".join(record.cells)
    if len(record.cells) != len(columns):
        message = (
            f"found {len(record.cells)} cells; expected {len(columns)} ({', '.join(columns)[:120]}). "
            "Put cells that hold the separator in quotes."
        )
        return Rejection("ragged", message, place, excerpt(shown))
    if byte := damaged(shown):
        return Rejection("bad_bytes", not_of(byte, encoding), place, excerpt(shown))
    if "\0" in shown:
        message = "found a NUL character (0x00), which no text holds. Export the table once more, or mend the row."
        return Rejection("bad_bytes", message, place, excerpt(shown.replace("\0", "\ufffd")))
    return Row(dict(zip(columns, record.cells, strict=True)), place, record.line, number)
