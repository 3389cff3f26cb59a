"""General examples: what is replayed against forgetting, and what general ability is measured on.

The shipped ones are short texts and dialogues in Chinese and English, written for this.  They come in pairs of alike
rows, one in each language; of every four rows the first two are for replay, the others to measure, so that nothing that
was trained on is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tuneloop.errors import InputError, Where
from tuneloop.records import Record

SHIPPED = Path(__file__).parent / "general.jsonl"


def replayed(file: Path) -> Iterator[Record]:
    """The examples of a file that may be trained on: all of them, of the shipped file its half."""
    for number, record in enumerate(records(file)):
        if file != SHIPPED or number % 4 < 2:
            yield record


def measured(file: Path) -> Iterator[Record]:
    """The examples of a file to measure on: all of them, of the shipped file the other half."""
    for number, record in enumerate(records(file)):
        if file != SHIPPED or number % 4 >= 2:
            yield record


def records(file: Path) -> Iterator[Record]:
    """The records of a JSONL file, one payload a line; raises InputError at the line that is none."""
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                where = Where(file=file, line=number)
                try:
                    payload = json.loads(line)
                except ValueError as error:
                    raise InputError(f"is not JSON ({error})", expected="one record a line", where=where) from None
                if not isinstance(payload, dict):
                    raise InputError(f"found a {type(payload).__name__}", expected="a record", where=where)
                yield Record.from_payload(payload, where)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", expected="JSONL in UTF-8", where=Where(file=file)) from None
