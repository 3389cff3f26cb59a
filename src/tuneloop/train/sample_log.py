"""`samples.jsonl` of a run: a few of the answers that the model wrote while it learned, for a person to read.

A line holds `step`, `question`, `reference`, `answer`, `reward` and `parts` (each reward before its weight).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuneloop.store.durable import write_file

FILE = "samples.jsonl"


def add(folder: Path, step: int, rows: Sequence[dict[str, Any]]) -> None:
    """Put the answers of a step behind those before it; a run that goes on from an earlier step replaces its later
    ones."""
    kept = [row for row in read(folder) if row["step"] < step]
    lines = [json.dumps(row, ensure_ascii=False) for row in [*kept, *({"step": step, **row} for row in rows)]]
    write_file(folder / FILE, ("\n".join(lines) + "\n").encode())


def read(folder: Path) -> list[dict[str, Any]]:
    """All lines; none where the run wrote no answers."""
    file = folder / FILE
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
