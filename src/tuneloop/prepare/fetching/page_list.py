"""A file of web addresses: one a line, or a column of a table.

Lines that begin with `#` and blank ones are passed over.  A table's column is the one that is named, else one called
`url`, `address`, `link`, `网址` or `链接`, else the first that holds web addresses.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tuneloop.errors import InputError, Where
from tuneloop.prepare.decoding import open_text
from tuneloop.prepare.source_file import disk_file

NAMES = ("url", "address", "link", "href", "网址", "链接", "地址")
LONGEST = 8192


def addresses_in(path: Path, column: str | None) -> Iterator[tuple[int, str]]:
    """(line or row, what stands there) for each that is not blank; raises `InputError` for a list without any."""
    file = disk_file(path, path.name)
    with open_text(file) as stream:
        first = next((line for line in stream if line.strip() and not line.startswith("#")), "").strip("\ufeff\r\n ")
    if not first:
        raise InputError("holds no address", expected="one web address a line", where=Where(file=path))
    separator = next((sign for sign in ("\t", ";", ",") if sign in first), None)
    plain = first.startswith(("http://", "https://"))
    with open_text(file) as stream:
        if column is None and plain and (separator is None or (" " not in first and first.count("://") == 1)):
            yield from _lines(stream)
            return
        yield from _column(csv.reader(stream, delimiter=separator or ","), column, path)


def _lines(stream: Iterator[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(stream, 1):
        text = line.strip("\ufeff\r\n\t ")
        if text and not text.startswith("#"):
            yield number, text[:LONGEST]


def _column(rows: Iterator[list[str]], column: str | None, path: Path) -> Iterator[tuple[int, str]]:
    head = [name.strip("\ufeff ") for name in next(rows, [])]
    low = [name.lower() for name in head]
    if column is not None:
        if column not in head:
            raise InputError(f"has no column {column!r}", expected=f"one of {', '.join(head)}", where=Where(file=path))
        at = head.index(column)
    else:
        named = next((low.index(name) for name in NAMES if name in low), None)
        held = next((place for place, cell in enumerate(head) if cell.startswith(("http://", "https://"))), None)
        if named is None and held is None:
            raise InputError(
                "no column of addresses is found",
                expected="one called url, or web addresses one a line",
                where=Where(file=path),
                do="Name it: --set places.web.column=NAME",
            )
        at = named if named is not None else held or 0
        if named is None:
            yield 1, head[at]
    for number, row in enumerate(rows, 2):
        if at < len(row) and row[at].strip():
            yield number, row[at].strip()[:LONGEST]
