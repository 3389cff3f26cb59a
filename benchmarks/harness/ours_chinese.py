"""Our steps over the Chinese cases: CASES.  Tells for each case what came out.

personal, urls, characters, html: the text; language: the code; kept: whether the text stays; near: whether all rows of
the case are merged into one (true), none (false) or some (null); bytes: the text that is read from a file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tuneloop.prepare import batches
from tuneloop.prepare.importer import Row, recognize
from tuneloop.prepare.source_file import disk_file
from tuneloop.prepare.step import StepContext, steps
from tuneloop.records import Record
from tuneloop.text import language

STEPS: dict[str, list[Any]] = {
    "personal": [{"name": "personal_data", "mode": "redact"}],
    "urls": ["urls"],
    "characters": ["normalize", "junk_characters"],
    "html": ["html"],
    "kept": ["normalize", "junk_characters", "empty_answers", "length", "repetition", "refusals"],
    "near": ["near_duplicates"],
}
CONTEXT = StepContext(b"benchmark")


def main(file: str) -> None:
    with Path(file).open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    told = {case["id"]: answer(case) for case in cases}
    Path(os.environ["BENCHMARK_RESULT"]).write_text(json.dumps(told))


def answer(case: dict[str, Any]) -> Any:
    task = case["task"]
    if task == "language":
        return language.detect(case["text"])
    if task == "bytes":
        return read(bytes.fromhex(case["hex"]))
    left = through(STEPS[task], case.get("rows") or [case["text"]])
    if task == "near":
        return {1: True, len(case["rows"]): False}.get(len(left))
    if task == "kept":
        return bool(left)
    return left[0] if left else ""


def through(names: list[Any], texts: list[str]) -> list[str]:
    records = [(number, Record(kind="text", text=text)) for number, text in enumerate(texts)]
    batch = batches.to_batch(records)
    for spec in names:
        step = steps.create(spec, path="step").start(CONTEXT)
        batch = step.apply(batch, step.summarize([batch])).batch
    return [record.text or "" for record in batches.to_records(batch)]


def read(data: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_bytes(data)
        file = disk_file(path, path.name)
        found = recognize(file)
        items = found.importer.items(file, found.encoding)
        return "\n".join(str(item.data["text"]) for item in items if isinstance(item, Row))


if __name__ == "__main__":
    main(sys.argv[1])
