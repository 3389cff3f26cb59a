"""A review sample as a file that a person fills in, and reading it back.

    write_review(ws, review, "review.csv")      CSV (opens in Excel; formulas are escaped) or JSONL, by the ending
    read_review(ws, "review.csv", person="Mei") CSV, Excel or JSONL; an empty cell is no verdict

A verdict is pass or fail (also yes, no, 1, 0, 通过, 不通过, 是, 否, 合格, 不合格), or 1 to 5, by the scale of the
dimension.
A file with a mistake is not read at all, so that nothing is counted twice when it is mended and read again; the same
verdict of the same person counts once.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuneloop.errors import InputError, UsageError, Where, nearest
from tuneloop.prepare.browsing import Entry, entries_of
from tuneloop.prepare.formulas import defused
from tuneloop.prepare.importer import Rejection, Row, recognize
from tuneloop.prepare.source_file import disk_file
from tuneloop.records import DatasetVersion, Record
from tuneloop.scores.standard import COLUMNS, Dimension, Standard
from tuneloop.scores.standing import read_kept
from tuneloop.store import Workspace, datasets, durable
from tuneloop.store.reviews import Review, ReviewItem, Verdict, add_verdicts, items_of, review
from tuneloop.store.standards import standard_named

PASSES = ("pass", "passed", "yes", "y", "true", "1", "1.0", "通过", "是", "合格", "√")
FAILS = ("fail", "failed", "no", "n", "false", "0", "0.0", "不通过", "否", "不合格", "×")
FORMS = ("csv", "jsonl")


def write_review(ws: Workspace, one: Review, to: Path) -> Path:
    """Write a sample; raises `UsageError` for an ending other than .csv and .jsonl."""
    durable.write_file(to, review_bytes(ws, one, check_ending(to)))
    return to


def check_ending(to: Path) -> str:
    """`csv` or `jsonl`; raises `UsageError`, also where a file is there, which somebody may have filled in."""
    if to.exists():
        raise UsageError(f"{to} is there already", expected="a new name", do="Verdicts in it would be lost")
    form = to.suffix.lower().lstrip(".")
    if form not in FORMS:
        raise UsageError(f"found the file {to.name!r}", expected=f"a name that ends in .{' or .'.join(FORMS)}")
    return form


def review_bytes(ws: Workspace, one: Review, form: str) -> bytes:
    """The file's content, as `csv` or `jsonl`."""
    standard = read_kept(standard_named(ws, one.standard))
    rows = list(_rows(ws, one, standard))
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS[:-1], *standard.judged, COLUMNS[-1]], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(
        {key: defused(value) if isinstance(value, str) else value for key, value in row.items()} for row in rows
    )
    return text.getvalue().encode("utf-8-sig")  # the mark lets Excel know that it is UTF-8


def read_review(ws: Workspace, file: Path, *, person: str) -> tuple[Review, int]:
    """Note the verdicts of a filled-in file in a person's name; the review, and how many verdicts were read.

    Raises `InputError` with row and column for a value that is no verdict, a record that is not in the sample, and a
    file without the columns of a review.
    """
    rows = list(_read(file))
    named = {str(row.get("review") or "") for _, row in rows}
    if len(named) != 1 or "" in named:
        raise InputError(
            f"the column review holds {', '.join(sorted(repr(one) for one in named)) or 'nothing'}",
            expected="the name of one review in every row, as the file was written",
            where=Where(file=file),
        )
    one = review(ws, named.pop())
    standard = read_kept(standard_named(ws, one.standard))
    _check_columns(rows, standard, file)
    known = {item.record for item in items_of(ws, one.name)}
    given: list[Verdict] = []
    for locator, row in rows:
        record = str(row.get("record") or "").strip()
        if record not in known:
            raise InputError(
                f"{record!r} is no record of {one.name}",
                expected="the record that stood in this row",
                where=Where(file=f"{file}, {locator}", field="record"),
            )
        note = str(row.get("note") or "").strip()
        for name, dimension in standard.judged.items():
            value = verdict_of(row.get(name), dimension, Where(file=f"{file}, {locator}", field=name))
            if value is not None:
                given.append(Verdict(record, name, value, person, "person", note))
    if not given:
        raise InputError(
            "holds no verdict", expected=f"pass, fail or 1 to 5 in {', '.join(standard.judged)}", where=Where(file=file)
        )
    return one, add_verdicts(ws, one, given)


def verdict_of(found: Any, dimension: Dimension, where: Where) -> float | None:
    """A cell as a number; None where it is empty; raises `InputError`."""
    text = str(found if found is not None else "").strip().casefold()
    if not text:
        return None
    if dimension.scale == "pass":
        if text in PASSES or text in FAILS:
            return float(text in PASSES)
        raise InputError(f"found {found!r}", expected="pass or fail", where=where)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (1 <= value <= 5 and value == int(value)):
        raise InputError(f"found {found!r}", expected="a whole number from 1 to 5", where=where)
    return value


def shown(ws: Workspace, version: DatasetVersion, items: Sequence[ReviewItem]) -> dict[str, Entry]:
    """The records of items, by id."""
    return {one.id: one for one in entries_of(ws, version, [item.record for item in items])}


def _rows(ws: Workspace, one: Review, standard: Standard) -> Iterator[dict[str, Any]]:
    items = items_of(ws, one.name)
    records = shown(ws, datasets.version(ws, one.dataset), items)
    for item in items:
        entry = records.get(item.record)
        if entry is None:
            continue
        yield {
            "review": one.name,
            "record": item.record,
            "number": item.position,
            "stratum": item.stratum,
            "tags": ", ".join(item.groups["tag"]),
            "sources": ", ".join(item.groups["source"]),
            "language": ", ".join(item.groups["language"]),
            "kind": entry.kind,
            "text": text_of(Record.from_payload(entry.payload)),
            **dict.fromkeys(standard.judged, ""),
            "note": "",
        }


def text_of(record: Record) -> str:
    """A record as a reviewer reads it: who says what, one turn after the other."""
    if record.text is not None:
        text = record.text
    else:
        parts = [f"[{turn.role}] {turn.text}" for turn in record.messages]
        parts += [f"[chosen] {turn.text}" for turn in record.chosen]
        parts += [f"[rejected] {turn.text}" for turn in record.rejected]
        text = "\n".join(parts)
    return text if record.label is None else f"{text}\n[label] {record.label}"


def _read(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    opened = disk_file(file, str(file))
    found = recognize(opened)
    for item in found.importer.items(opened, found.encoding):
        if isinstance(item, Rejection):
            raise InputError(item.message, where=Where(file=file))
        if isinstance(item, Row):
            yield item.locator, item.data


def _check_columns(rows: Sequence[tuple[str, Mapping[str, Any]]], standard: Standard, file: Path) -> None:
    columns = set(rows[0][1])
    unknown = columns - set(COLUMNS) - set(standard.dimensions)
    for name in sorted(str(one) for one in unknown):
        near = nearest(name, standard.judged)
        raise InputError(
            f"the column {name!r} is none of the standard",
            where=Where(file=file, field=name),
            do=near[0].upper() + near[1:],
        )
