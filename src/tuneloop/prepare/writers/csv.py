"""CSV that a spreadsheet opens: UTF-8 with its mark, nested values as JSON, nothing that would run as a formula."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, ClassVar

from tuneloop.config import setting
from tuneloop.prepare.formulas import defused
from tuneloop.prepare.writer import Rows, Writer
from tuneloop.wording import Words


class Csv(Writer):
    title = Words("CSV", "CSV")
    help = Words(
        "A table with a line of column names, UTF-8 with its mark so that Excel reads it. A text that a spreadsheet "
        "would run as a formula gets an apostrophe in front, which our importer takes off again.",
        "首行为列名的表格，UTF-8 带 BOM，Excel 可直接打开。"
        "会被电子表格当作公式执行的文本前面加一个单引号，再次导入时自动去掉。",
    )
    media: ClassVar[str] = "text/csv; charset=utf-8"
    passes: ClassVar[int] = 2

    formulas: bool = setting(
        False,
        en="write texts that begin like a formula as they are and no byte order mark, for programs alone",
        zh="原样写出形似公式的文本，且不写 BOM，仅供程序读取时使用",
    )

    def write(self, file: Path, rows: Rows) -> None:
        names = list(dict.fromkeys(name for row in rows() for name in row))
        # The mark tells our importer that apostrophes before formulas are to be taken off.
        with file.open("w", encoding="utf-8" if self.formulas else "utf-8-sig", newline="") as out:
            table = csv.DictWriter(out, names, lineterminator="\r\n")
            table.writeheader()
            for row in rows():
                table.writerow({name: self._cell(value) for name, value in row.items()})

    def _cell(self, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list | dict):
            value = json.dumps(value, ensure_ascii=False)
        return value if self.formulas or not isinstance(value, str) else defused(value)
