"""Sheets of a workbook → rows: names of columns, merged cells, values as people see them.

A sheet yields its rows as texts with their numbers.  Above the table there may be rows with one text only (a title, a
date), which are left out and named; then comes the row of names, as in CSV.  A merged cell fills all the cells that it
covers, so that each row stands for itself: nothing is lost, and a group that is written once counts for all its rows.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

from tuneloop.prepare.column_names import Header, column_names
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.importer import Item, Rejection, Row, excerpt
from tuneloop.wording import Words

SAMPLE_ROWS = 200
MOST_TITLES = 10
LARGEST_MERGE, WIDEST_MERGE = 2_000_000, 1_000
"""Cells and columns of a merged range that is filled; a larger one keeps its value in its first cell."""

TITLE = Words("a title above the table", "表格上方的标题")
EMPTY = Words("empty sheet", "空工作表")
HIDDEN = Words(
    "hidden sheet; show it in the program, or set formats.xlsx.hidden",
    "隐藏的工作表；可取消隐藏，或设置 formats.xlsx.hidden",
)
NO_TABLE = Words("a sheet of a chart, macro or dialog", "图表、宏或对话框工作表")


@dataclass(frozen=True, slots=True)
class Range:
    """Cells from (row, column) to (row, column), counted from 0, both included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def cells(self) -> int:
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)


@dataclass
class Merged:
    """Fills the cells under merged ranges while rows go by in order."""

    ranges: Sequence[Range] = ()
    _open: list[tuple[Range, str]] = field(default_factory=list)
    _next: int = 0

    def __post_init__(self) -> None:
        small = [one for one in self.ranges if one.cells <= LARGEST_MERGE and one.right - one.left < WIDEST_MERGE]
        self.ranges = sorted(small, key=lambda one: (one.top, one.left))

    def fill(self, number: int, cells: list[str]) -> list[str]:
        """The row with its covered cells filled; `number` counts from 0."""
        self._open = [one for one in self._open if one[0].bottom >= number]
        while self._next < len(self.ranges) and self.ranges[self._next].top <= number:
            one = self.ranges[self._next]
            self._next += 1
            if one.bottom >= number:
                self._open.append((one, cells[one.left] if one.left < len(cells) else ""))
        for one, value in self._open:
            if value:
                cells += [""] * (one.right + 1 - len(cells))
                cells[one.left : one.right + 1] = [value] * (one.right + 1 - one.left)
        return cells


Numbered = tuple[int, list[str]]
"""A row's number, from 1, and its cells."""


def sheet_items(name: str, rows: Iterator[Numbered], header: Header) -> Iterator[Item]:
    """Rows of one sheet; `rows` need not hold the empty ones."""
    part = f'sheet "{name}"'
    filled = ((number, cells) for number, cells in rows if any(cell.strip() for cell in cells))
    first = [row for _, row in zip(range(SAMPLE_ROWS), filled, strict=False)]
    if not first:
        yield Skipped(part, EMPTY)
        return
    width = max(_width(cells) for _, cells in first)
    titles = _titles([cells for _, cells in first], width)
    for number, cells in first[:titles]:
        shown = next(cell for cell in cells if cell.strip())
        yield Skipped(f"{part}, row {number} ({excerpt(shown)[:40]})", TITLE)
    first = first[titles:]
    places = sorted({place for _, cells in first for place, cell in enumerate(cells) if cell.strip()})
    names = column_names([_at(cells, places) for _, cells in first], header)
    columns = names or [f"column_{place}" for place in range(1, len(places) + 1)]
    known = set(places)
    for count, (number, cells) in enumerate(chain(first[1:] if names else first, filled), 1):
        place = f"{part}, row {number}"
        if any(cell.strip() and at not in known for at, cell in enumerate(cells)):
            message = (
                f"found cells outside of the columns {', '.join(columns)[:120]}. Move them into the table, or name "
                "their column."
            )
            yield Rejection("ragged", message, place, excerpt(" | ".join(cells)), part)
            continue
        yield Row(dict(zip(columns, _at(cells, places), strict=True)), place, None, count, part=part)


def _titles(rows: Sequence[Sequence[str]], width: int) -> int:
    """How many rows at the beginning hold one text only, while those after them hold more."""
    if width < 2:
        return 0
    for count, cells in enumerate(rows[: MOST_TITLES + 1]):
        if len({cell.strip() for cell in cells if cell.strip()}) > 1:
            return count
    return 0


def _width(cells: Sequence[str]) -> int:
    return next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 0)


def _at(cells: Sequence[str], places: Sequence[int]) -> list[str]:
    return [cells[place] if place < len(cells) else "" for place in places]


def number_text(value: float, percent: bool = False) -> str:
    """A number as people see it: 15 digits as Excel keeps them, `1` for 1.0, `25%` in cells of percents."""
    if percent:
        return f"{number_text(value * 100)}%"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e21:
        return f"{Decimal(f'{value:.15g}'):f}"
    return repr(float(f"{value:.15g}"))


def date_text(value: datetime.datetime | datetime.date | datetime.time | datetime.timedelta) -> str:
    """ISO 8601; a moment at midnight is its day, and a length of time is hours:minutes:seconds."""
    if isinstance(value, datetime.timedelta):
        seconds = round(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time():
            return value.date().isoformat()
        return value.replace(microsecond=0).isoformat()
    return value.replace(microsecond=0).isoformat() if isinstance(value, datetime.time) else value.isoformat()
