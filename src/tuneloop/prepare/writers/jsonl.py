"""JSON Lines: one row a line, UTF-8."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from tuneloop.prepare.writer import Rows, Writer
from tuneloop.wording import Words


class Jsonl(Writer):
    title = Words("JSON Lines", "JSON Lines")
    help = Words("One row a line, UTF-8, for every trainer.", "每行一条，UTF-8 编码，各训练工具通用。")
    media: ClassVar[str] = "application/x-ndjson"

    def write(self, file: Path, rows: Rows) -> None:
        with file.open("w", encoding="utf-8", newline="\n") as out:
            for row in rows():
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
