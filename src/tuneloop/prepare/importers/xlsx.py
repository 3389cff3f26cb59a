"""Workbooks: Excel (.xlsx, .xlsm, .xls) and OpenDocument (.ods), each sheet a table by itself.

XLSX is streamed: memory holds the texts that its cells share and a few rows.  XLS and ODS are read by calamine, which
holds a sheet as a whole (32 bytes a cell and the texts); an ODS that would unfold to too many cells is refused.  Macros
are named and never run.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tuneloop.config import setting
from tuneloop.errors import InputError, Where
from tuneloop.prepare.column_names import Header
from tuneloop.prepare.container import Limits, Skipped
from tuneloop.prepare.document.macros import macros
from tuneloop.prepare.document.ole import MAGIC
from tuneloop.prepare.document.package import Package, open_package, package_kind
from tuneloop.prepare.document.sheets import (
    HIDDEN,
    NO_TABLE,
    Merged,
    Numbered,
    Range,
    date_text,
    number_text,
    sheet_items,
)
from tuneloop.prepare.document.xlsx_cells import Workbook
from tuneloop.prepare.importer import Head, Importer, Item
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

MOST_CELLS = 50_000_000


class Xlsx(Importer):
    """Rows of every sheet that is shown, under the names of its own columns."""

    title = Words("Workbooks (Excel, ODS)", "工作簿（Excel、ODS）")
    help = Words(
        "Tables of .xlsx, .xls and .ods: every visible sheet by its own columns; merged cells are filled, formulas "
        "give their last value, dates are ISO 8601.",
        "读取 .xlsx、.xls、.ods：每个可见工作表按各自的列读取；合并单元格会补全，公式取上次计算的值，"
        "日期为 ISO 8601 格式。",
    )

    header: Header = setting(
        "auto", en="does the first row of a sheet hold the column names?", zh="工作表第一行是不是列名？"
    )
    hidden: bool = setting(False, en="hidden sheets are read too", zh="也读取隐藏的工作表")
    archives: Limits = setting(Limits(), en="how much the file may unpack to", zh="文件解压的上限")

    def recognize(self, head: Head) -> float:
        if head.data.startswith(MAGIC):
            return 1.0  # other old Office files were refused before
        return 1.0 if package_kind(head.file) in ("xlsx", "ods") else 0.0

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        """Raises `InputError` for a workbook without a row that is read."""
        found = False
        for item in self._all(file):
            found |= not isinstance(item, Skipped)
            yield item
        if not found:
            raise InputError(
                "holds no rows in any sheet that is shown",
                expected="a table",
                where=Where(file=file.name),
                do="Show its hidden sheets, set formats.xlsx.hidden, or take it out of the input",
            )

    def _all(self, file: SourceFile) -> Iterator[Item]:
        if file.head.startswith(MAGIC):
            yield from self._by_calamine(file)
            return
        kind = package_kind(file)
        if kind == "ods":
            with open_package(file, "ods", self.archives) as package:
                _refuse_unfolding(package)
            yield from self._by_calamine(file)
            return
        with open_package(file, "xlsx", self.archives) as package:
            yield from macros(package)
            book = Workbook(package)
            if not book.sheets:
                raise package.broken("it names no sheets")
            for sheet in book.sheets:
                skipped = self._skipped(sheet.name, sheet.hidden, sheet.is_table)
                if skipped is not None:
                    yield skipped
                else:
                    yield from sheet_items(sheet.name, book.rows(sheet.part), self.header)

    def _skipped(self, name: str, hidden: bool, is_table: bool) -> Skipped | None:
        if not is_table:
            return Skipped(f'sheet "{name}"', NO_TABLE)
        return Skipped(f'sheet "{name}"', HIDDEN) if hidden and not self.hidden else None

    def _by_calamine(self, file: SourceFile) -> Iterator[Item]:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

        with file.open() as stream:
            try:
                with _panics(file):
                    book = CalamineWorkbook.from_filelike(stream)
            except PasswordError:
                raise InputError(
                    "is a workbook locked with a password",
                    expected="one that opens without",
                    where=Where(file=file.name),
                    do="Open it, save it without a password, and give that file",
                ) from None
            except (CalamineError, OSError, ValueError) as error:
                raise _broken(file, error) from None
            for about in book.sheets_metadata:
                skipped = self._skipped(
                    about.name, about.visible != SheetVisibleEnum.Visible, about.typ == SheetTypeEnum.WorkSheet
                )
                if skipped is not None:
                    yield skipped
                    continue
                yield from sheet_items(about.name, _rows(book, about.name, file), self.header)


def _rows(book: CalamineWorkbook, name: str, file: SourceFile) -> Iterator[Numbered]:
    from python_calamine import CalamineError

    try:
        with _panics(file):
            sheet: CalamineSheet = book.get_sheet_by_name(name)
            ranges = [Range(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
    except (CalamineError, OSError, ValueError) as error:
        raise _broken(file, error) from None
    if sheet.start is None:
        return
    merged = Merged(ranges)
    top, left = sheet.start
    for number, cells in enumerate(sheet.iter_rows(), top):
        shown = [""] * left + [_shown(cell) for cell in cells]
        yield number + 1, merged.fill(number, shown)


@contextmanager
def _panics(file: SourceFile) -> Iterator[None]:
    """A reader written in Rust that meets what its authors thought impossible raises no `Exception`."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _broken(file, error) from None


def _shown(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return number_text(cell)
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
        return date_text(cell)
    return str(cell)


def _broken(file: SourceFile, error: BaseException) -> InputError:
    return InputError(
        f"is a workbook that cannot be read ({str(error)[:160]})",
        where=Where(file=file.name),
        do="Copy it again, or open it in its program and save it anew",
    )


_REPEATED = re.compile(rb'number-(?:columns|rows)-repeated\s*=\s*["\'](\d{1,12})')
_WITH_VALUE = re.compile(rb"<(?:table:)?table-(?:cell|row)\b[^>]*>")


def _refuse_unfolding(package: Package) -> None:
    """Cells and rows with a value that are to be repeated: their sum is bounded before anything unfolds them.

    Empty ones at the end, which every table has, are no memory: calamine leaves them out.
    """
    total, row = 0, 1
    with package.open("content.xml") as stream:
        rest = b""
        while piece := stream.read(1 << 20):
            data = rest + piece
            end = data.rfind(b"<")
            rest, data = data[end:], data[:end]
            for one in _WITH_VALUE.finditer(data):
                repeated = _REPEATED.search(one[0])
                times = int(repeated[1]) if repeated else 1
                if b"table-row" in one[0]:
                    row = times
                elif b"value" in one[0]:
                    total += times * row
                if total > MOST_CELLS:
                    raise package.broken(f"it unfolds to more than {MOST_CELLS:,} cells")
