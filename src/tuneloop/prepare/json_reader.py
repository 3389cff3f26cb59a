"""A place in a JSON text that is read chunk by chunk: values are cut out one after the other.

A value with a fault costs itself and not the file; memory holds one value and one chunk.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from tuneloop.errors import InputError
from tuneloop.prepare.decoding import damaged
from tuneloop.prepare.importer import Item, Rejection, Row, excerpt
from tuneloop.prepare.lines import MAX_LINE
from tuneloop.prepare.strict_json import UNKNOWN, decode_at, end_of_broken, why

CHUNK = 1 << 20
INDENT = 64
BLANK = " \t\r\n\ufeff"
_NEXT = re.compile(r"[,\n\[\]{]")
_OBJECT_BELOW = re.compile(r"(?<=\n)\{")
"""Pretty printers begin an object of the outermost level at the beginning of a line."""

PARTS_OF_A_RECORD = frozenset(
    (
        *("messages", "conversations", "conversation", "turns", "utterances", "dialogue", "dialog", "chat", "history"),
        *("prompt", "completion", "input", "chosen", "rejected", "preferred_output", "non_preferred_output"),
        *("tools", "functions", "segments"),
    )
)
"""Lists of objects under these names belong to one record; under any other name they are the rows."""


class JsonReader:
    """A place in a text that is read chunk by chunk."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream, self.text, self.at = stream, "", 0
        self.ended, self.count = False, 0
        self._line, self._counted = 1, 0

    @property
    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def more(self) -> bool:
        """Forget what is read and fetch as much again as is held; False at the end."""
        self._line = self.line
        start = max(0, self.at - INDENT)  # a little of what is read stays, to see how far a record is indented
        kept = self.text[start:]
        fresh = self.stream.read(max(CHUNK, len(kept)))
        self.text, self.at = kept + fresh, self.at - start
        self._counted = self.at
        self.ended = not fresh
        return not self.ended

    def peek(self) -> str:
        """The next sign that is not blank, without taking it; empty at the end."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in BLANK:
                    return self.text[self.at]
                self.at += 1
            if not self.more():
                return ""

    def value(self) -> Any:
        """The value here, taken; raises as `decode_at` does, with the place unmoved."""
        while True:
            try:
                value, end = decode_at(self.text, self.at)
            except json.JSONDecodeError as error:
                cut = "Unterminated" in error.msg or error.pos > len(self.text) - 12
                if not cut or self.ended or not self._grow():
                    raise
                continue
            if end == len(self.text) and not self.ended and not isinstance(value, dict | list | str):
                self.more()  # a number may go on in the next chunk
                continue
            if byte := damaged(self.text[self.at : end]):
                raise InputError(
                    f"found the byte {byte}, which is not of the file's encoding",
                    do="Save the file in one encoding, best UTF-8",
                )
            self.at = end
            return value

    def _grow(self) -> bool:
        if len(self.text) - self.at > MAX_LINE:
            raise InputError(f"is longer than {MAX_LINE:,} characters", expected="records, not one huge value")
        self.more()
        return True

    def array(self) -> Iterator[Item]:
        """The elements up to the closing bracket, which is taken."""
        apart = True
        while (sign := self.peek()) != "]":
            if not sign:
                message = "the array is not closed: the file seems to be cut off. Copy it again."
                yield self._rejection("cut_off", message, "")
                return
            if sign == ",":
                self.at += 1
                apart = True
                continue
            yield self.element("" if apart else "glued")
            apart = False
        self.at += 1

    def element(self, mended: str = "", key: str | None = None) -> Item:
        """One row, or why it is none."""
        line = self.line
        try:
            value = self.value()
        except json.JSONDecodeError as error:
            shown = json.JSONDecodeError(error.msg, self.text[self.at : error.pos], error.pos - self.at)
            return self.broken("not_json", f"{why(shown)}. Mend the record, or remove it.")
        except InputError as error:
            return self.broken("bad_json", str(error))
        self.count += 1
        place = f"item {self.count}, line {line}" if key is None else f"key {key}, line {line}"
        if not isinstance(value, dict):
            message = 'expected an object with fields, such as {"question": …, "answer": …}.'
            return Rejection("not_object", f"found {excerpt(json.dumps(value, ensure_ascii=False))}; {message}", place)
        return Row(value, place, line, self.count, mended=mended)

    def broken(self, reason: str, message: str) -> Rejection:
        """Take the broken value here up to the bracket that seems to close it; without one, all that is left."""
        self.count += 1
        line, start = self.line, self.text[self.at : self.at + 400]
        if self.text[self.at] not in "[{":
            self._skip_to(_NEXT)
            return Rejection(reason, message, f"item {self.count}, line {line}", excerpt(start))
        sibling = self._next_sibling()
        while (end := end_of_broken(self.text, self.at)) is None and not self.ended:
            if len(self.text) - self.at > MAX_LINE:
                end = UNKNOWN
                break
            self.more()
        if end == UNKNOWN:
            self._skip_to(sibling)
        else:
            self.at = len(self.text) if end is None else end
        return Rejection(reason, message, f"item {self.count}, line {line}", excerpt(start))

    def _next_sibling(self) -> re.Pattern[str]:
        """What stands before the next record: a line indented like this one's, or the end of an object and a comma."""
        before = re.search(r"\n([ \t]*)$", self.text[max(0, self.at - INDENT) : self.at])
        return re.compile(rf"(?<=\n{before.group(1)})\{{") if before else re.compile(r"(?<=\}),\s*\{|(?<=\},)\s*\{")

    def _skip_to(self, sign: re.Pattern[str]) -> None:
        """Move to where `sign` is found after the sign here, or to the end."""
        self.at += 1
        while (found := sign.search(self.text, self.at)) is None:
            self.at = len(self.text)
            if not self.more():
                return
        self.at = found.start()

    def _skip_all(self) -> None:
        self.at = len(self.text)
        while self.more():
            self.at = len(self.text)

    def _rejection(self, reason: str, message: str, found: str) -> Rejection:
        self.count += 1
        return Rejection(reason, message, f"item {self.count}, line {self.line}", excerpt(found))

    def object(self) -> Iterator[Item]:
        """One record, or an object whose values or whose one list are the rows; decided by its first values."""
        line, seen = self.line, list[tuple[str, Any]]()
        start = self.text[self.at : self.at + 400]
        self.at += 1
        try:
            while self.peek() == '"':
                key = self.value()
                self._take(":")
                if self.peek() == "[" and key not in PARTS_OF_A_RECORD and self._holds_objects():
                    self.at += 1
                    yield from self.array()
                    self._skip_all()
                    return
                seen.append((key, self.value()))
                if _are_rows(seen):
                    yield from self._rows_by_key(seen, line)
                    return
                if self.peek() == ",":
                    self.at += 1
            self._take("}")
            value = _checked(seen)
        except (json.JSONDecodeError, InputError) as error:
            message = f"{why(error)}. Mend it." if isinstance(error, json.JSONDecodeError) else str(error)
            yield self._rejection("not_json" if isinstance(error, json.JSONDecodeError) else "bad_json", message, start)
            self._skip_to(_OBJECT_BELOW)
            return
        self.count += 1
        yield Row(value, f"item {self.count}, line {line}", line, self.count)

    def _take(self, sign: str) -> None:
        if self.peek() != sign:
            raise json.JSONDecodeError(f"Expecting {sign!r}", self.text, self.at)
        self.at += 1

    def _holds_objects(self) -> bool:
        if len(self.text) - self.at < 64 and not self.ended:
            self.more()
        return self.text[self.at + 1 :].lstrip(BLANK)[:1] == "{"

    def _rows_by_key(self, seen: list[tuple[str, Any]], line: int) -> Iterator[Item]:
        for key, value in seen:
            self.count += 1
            yield Row(value, f"key {key}, line {line}", line, self.count)
        while self.peek() == ",":
            self.at += 1
            if self.peek() != '"':
                break
            key = self.value()
            self._take(":")
            if self.peek():
                yield self.element(key=key)
        self._skip_all()


def _are_rows(seen: list[tuple[str, Any]]) -> bool:
    """Are the first two values objects with mostly the same keys?"""
    if len(seen) != 2 or not all(isinstance(value, dict) for _, value in seen):
        return False
    first, second = (set(value) for _, value in seen)
    return 2 * len(first & second) > len(first | second) > 0


def _checked(seen: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(seen)
    if len(made) < len(seen):
        twice = next(key for index, (key, _) in enumerate(seen) if key in dict(seen[:index]))
        raise InputError(
            f"the key {twice!r} stands twice in one object", expected="each key once", do="Remove one of them"
        )
    return made
