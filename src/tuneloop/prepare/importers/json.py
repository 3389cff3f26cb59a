"""JSON: an array of objects, streamed; one object; objects one after the other; or rows inside an object.

Elements are cut out of the text one by one, so that one with a fault costs one item and not the file (stream parsers
give up at the first fault), and memory holds one element and one chunk.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tuneloop.errors import InputError
from tuneloop.prepare.decoding import open_text
from tuneloop.prepare.importer import Head, Importer, Item
from tuneloop.prepare.json_reader import BLANK, JsonReader
from tuneloop.prepare.source_file import SourceFile
from tuneloop.prepare.strict_json import decode_at
from tuneloop.wording import Words


class Json(Importer):
    """Values cut out of the text one after the other."""

    title = Words("JSON", "JSON")
    help = Words(
        "An array of objects, read piece by piece however large; also one object, or an object that holds the rows.",
        "对象数组，无论多大都分段读取；也可以是单个对象，或里面装着各行数据的对象。",
    )

    def recognize(self, head: Head) -> float:
        start = head.text.lstrip(BLANK)
        if start.startswith("["):
            known = start[1:].lstrip(BLANK)[:1] in ("{", "[", "]", '"', "")
            return 0.9 if known or head.suffix == ".json" else 0.0
        if not start.startswith("{"):
            return 0.0
        if len(head.lines) == 1:
            return 0.8
        try:
            decode_at(head.lines[0].strip(BLANK), 0)
        except (json.JSONDecodeError, InputError):
            return 0.85 if head.suffix == ".json" or _first_key_below(start) else 0.5
        return 0.5

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        with open_text(file, encoding) as stream:
            reader = JsonReader(stream)
            while sign := reader.peek():
                if sign == "[":
                    reader.at += 1
                    yield from reader.array()
                elif sign == "{":
                    yield from reader.object()
                else:
                    yield reader.broken(
                        "not_object",
                        f"found {reader.text[reader.at : reader.at + 20]!r}; expected an array of objects.",
                    )


def _first_key_below(start: str) -> bool:
    """Does the object spread over lines, as pretty printers write it?"""
    return start[1:].lstrip(" \t\r").startswith("\n")
