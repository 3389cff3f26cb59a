"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tuneloop.errors import InputError
from tuneloop.prepare.decoding import damaged, not_of, open_text
from tuneloop.prepare.importer import Head, Importer, Item, Rejection, Row, excerpt
from tuneloop.prepare.lines import MAX_LINE, Line, lines
from tuneloop.prepare.source_file import SourceFile
from tuneloop.prepare.strict_json import UNKNOWN, decode_at, end_of_broken, why
from tuneloop.wording import Words

SUFFIXES = (".jsonl", ".ndjson", ".jsonlines", ".ldjson")
_GAP = " \t\r\n,\ufeff"
"""Between objects: blanks, the comma of a copied array, and the mark that joining files leaves behind."""


class Jsonl(Importer):
    """Each line by itself: whatever one holds, the others are read."""

    title = Words("JSON lines", "JSON 行")
    help = Words(
        "One JSON object a line (.jsonl). A broken line is put aside and the rest goes on; objects glued together on "
        "one line are taken apart.",
        "每行一个 JSON 对象（.jsonl）。坏行单独放到一边，其余照常导入；粘在同一行的多个对象会被拆开。",
    )

    def recognize(self, head: Head) -> float:
        named = head.suffix in SUFFIXES
        sample = head.lines[:50]
        start = head.text.lstrip(_GAP)[:1]
        if start == "[":
            apart = len(sample) > 1 and _is_whole(sample[0])
            return 0.92 if apart and (named or _is_object(sample[1])) else 0.0
        if start != "{":
            return 0.55 if named else 0.0
        if len(sample) == 1:  # one object, or the beginning of a very long line
            return 0.95 if named else 0.6
        whole = sum(_is_object(line) for line in sample)
        if whole >= len(sample) / 2:
            return 0.95
        return 0.7 if named else 0.3

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        with open_text(file, encoding) as stream:
            for line in lines(stream):
                yield from _line_items(line, encoding, file.unit)


def _is_object(line: str) -> bool:
    try:
        value, _ = decode_at(line.strip(_GAP), 0)
    except json.JSONDecodeError:
        return False
    except InputError:
        return True
    return isinstance(value, dict)


def _is_whole(line: str) -> bool:
    """Does one JSON value fill the line?"""
    text = line.strip(_GAP)
    try:
        return decode_at(text, 0)[1] == len(text)
    except (json.JSONDecodeError, InputError):
        return False


def _line_items(line: Line, encoding: str | None, unit: str) -> Iterator[Item]:
    text = line.text.strip(_GAP)
    if not text:
        return
    place = f"{unit} {line.number}"
    if line.cut:
        message = f"found a line of more than {MAX_LINE:,} characters; expected one record a line."
        yield Rejection("too_long", message, place, excerpt(text))
        return
    if byte := damaged(text):
        yield Rejection("bad_bytes", not_of(byte, encoding), place, excerpt(text))
        return
    at, count = 0, 0
    while at < len(text):
        count += 1
        item, end = _one(text, at, line.number, count, place)
        at = end
        while at < len(text) and text[at] in _GAP:
            at += 1
        if count == 1 and at < len(text) and isinstance(item, Row):
            item = Row(item.data, f"{place}, object 1", line.number, mended="glued")
        yield item


def _one(text: str, at: int, line: int, count: int, of_line: str) -> tuple[Item, int]:
    """The object at `at` and the place after it; a broken one takes the rest of the line with it."""
    place = of_line if count == 1 else f"{of_line}, object {count}"
    try:
        value, end = decode_at(text, at)
    except json.JSONDecodeError as error:
        message = f"{why(error)}. Mend the line, or remove it."
        return Rejection("not_json", message, place, excerpt(text[at:])), len(text)
    except InputError as error:
        found = end_of_broken(text, at)
        end = len(text) if found is None or found == UNKNOWN else found
        return Rejection("bad_json", str(error), place, excerpt(text[at:end])), end
    if not isinstance(value, dict):
        message = f'found {_name(value)}; expected an object with fields, such as {{"question": …, "answer": …}}.'
        return Rejection("not_object", message, place, excerpt(text[at:end])), end
    return Row(value, place, line, mended="" if count == 1 else "glued"), end


def _name(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
