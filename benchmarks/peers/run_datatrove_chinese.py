"""datatrove's blocks over the Chinese cases: CASES, as `harness/ours_chinese.py`.

`language: zho` is given where a block takes one, and near-duplicates are sought in texts with a space between all
characters; all else is default.  It has nothing for addresses of pages, its language filter needs a model from the
network, and its reader of plain text files wants JSON lines: those tasks are left out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from run_datatrove_near import deduplicate

LANGUAGE = "zho"
TASKS = ("personal", "characters", "kept", "near")


def main(file: str) -> None:
    with Path(file).open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    told = {case["id"]: answer(case) for case in cases if case["task"] in TASKS}
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


def answer(case: dict[str, Any]) -> Any:
    task = case["task"]
    if task == "personal":
        return PIIFormatter().format(case["text"])
    if task == "characters":
        return FTFYFormatter().format(case["text"])
    if task == "near":
        return near(case["rows"])
    filters = (
        GopherRepetitionFilter(language=LANGUAGE),
        GopherQualityFilter(language=LANGUAGE),
        C4QualityFilter(language=LANGUAGE),
    )
    return all(one.filter(Document(text=case["text"], id="0")) is True for one in filters)


def near(rows: list[str]) -> bool | None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"spaced": True, "n_grams": 3, "language": LANGUAGE}
        clusters: Any = deduplicate(rows, settings, folder)["clusters"]
    return {1: True, len(rows): False}.get(len(set(clusters)))


if __name__ == "__main__":
    main(sys.argv[1])
