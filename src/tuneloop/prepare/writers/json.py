"""One JSON array, as LLaMA-Factory's data folder holds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from tuneloop.prepare.writer import Rows, Writer
from tuneloop.wording import Words


class Json(Writer):
    title = Words("JSON array", "JSON 数组")
    help = Words("All rows in one list, UTF-8.", "所有行放在一个列表中，UTF-8 编码。")
    media: ClassVar[str] = "application/json"

    def write(self, file: Path, rows: Rows) -> None:
        with file.open("w", encoding="utf-8", newline="\n") as out:
            out.write("[")
            for number, row in enumerate(rows()):
                out.write((",\n" if number else "\n") + json.dumps(row, ensure_ascii=False))
            out.write("\n]\n")
