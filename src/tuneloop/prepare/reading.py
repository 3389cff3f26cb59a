"""The records of a file or a folder, read for themselves: for what data is compared with, not for a version."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from tuneloop.errors import InputError, NotFoundError, Where
from tuneloop.prepare.container import Budget, Limits, Refused, Skipped
from tuneloop.prepare.importer import Rejection, Row, recognize
from tuneloop.prepare.places.local import files_in
from tuneloop.prepare.shape import read_rows
from tuneloop.prepare.source_file import SourceFile
from tuneloop.records import Record

SAMPLE = 200


def records_of(path: Path) -> Iterator[Record]:
    """All records of what a person names.

    Raises `InputError` for a row that cannot be read: a set to compare with that lacks rows would compare too little.
    """
    if not path.expanduser().exists():
        raise NotFoundError("no such file or folder", where=Where(file=path), do="Check the path")
    for entry in files_in(path.expanduser(), Budget(Limits())):
        if isinstance(entry, Refused):
            raise InputError(entry.message, where=Where(file=entry.name))
        if isinstance(entry, SourceFile):
            yield from _of_file(entry)


def _of_file(file: SourceFile) -> Iterator[Record]:
    found = recognize(file)
    items = (item for item in found.importer.items(file, found.encoding) if not isinstance(item, Skipped))
    first = list(islice(items, SAMPLE))
    rows = [item.data for item in first if isinstance(item, Row)]
    if not rows and not first:
        return
    reading = read_rows(rows) if rows else None
    for item in chain(first, items):
        if isinstance(item, Rejection) or reading is None:
            message = item.message if isinstance(item, Rejection) else "no row before it shows the columns"
            raise InputError(message, where=Where(file=file.name, line=getattr(item, "line", None)))
        yield reading.record(item.data)
