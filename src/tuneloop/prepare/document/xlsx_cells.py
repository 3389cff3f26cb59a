"""XLSX, streamed: a sheet's rows as texts, in memory that holds the shared texts and one row.

Cells are read as they were saved: a formula's last value, and its text where the file holds none.  Dates are told by
the number format of their cell, as Excel does (ECMA-376, part 1, 18.8.30), in either of its two calendars.  Not read:
comments, charts, pictures, and the readings of Japanese texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from tuneloop.prepare.document.package import Package
from tuneloop.prepare.document.sheets import Merged, Numbered, Range, number_text
from tuneloop.prepare.document.xlsx_formats import formats_of, moment_text
from tuneloop.prepare.document.xml import attribute, child, children, local, main_part, relations, tree

CHUNK = 1 << 16
MOST_COLUMNS = 16_384


@dataclass(frozen=True)
class SheetPart:
    name: str
    part: str
    hidden: bool
    is_table: bool


class Workbook:
    """What all sheets share: texts, formats of numbers, calendar."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.part = main_part(package, "xl/workbook.xml")
        root = tree(package, self.part)
        known = relations(package, self.part)
        settings = child(root, "workbookPr")
        self.from_1904 = settings is not None and (settings.get("date1904") or "0") in ("1", "true")
        self.sheets = [
            SheetPart(
                str(one.get("name", "")),
                known.get(attribute(one, "id") or "", ("", ""))[1],
                (one.get("state") or "visible") != "visible",
                known.get(attribute(one, "id") or "", ("", ""))[0] == "worksheet",
            )
            for one in children(root, "sheets")
            if local(one) == "sheet"
        ]
        by_kind = dict(known.values())
        self.texts = _texts(package, by_kind["sharedStrings"]) if "sharedStrings" in by_kind else []
        self.formats = formats_of(package, by_kind["styles"]) if "styles" in by_kind else []

    def rows(self, part: str) -> Iterator[Numbered]:
        """Rows with their numbers and their merged cells filled."""
        merged = Merged(_merged(self.package, part))
        reader = _Rows(self)
        for number, cells in reader.read(part):
            yield number, merged.fill(number - 1, cells)

    def value(self, kind: str, style: int, text: str | None, formula: str) -> str:
        """A cell as people see it; `text` is None where the file holds no value."""
        if text is None or (not text and kind == "n"):
            return f"={formula}" if formula else ""
        if kind == "s":
            return self.texts[int(text)] if text.isdecimal() and int(text) < len(self.texts) else ""
        if kind == "b":
            return {"1": "true", "0": "false"}.get(text, text)
        if kind == "d":
            return text.removesuffix("T00:00:00")
        if kind in ("str", "inlineStr"):
            return _unescaped(text)
        if kind == "e":
            return text
        shown = self.formats[style] if 0 <= style < len(self.formats) else ""
        if not shown and text.isdecimal() and len(text) <= 15:  # most numbers: as they are written
            return text
        try:
            number = float(text)
        except ValueError:
            return text
        if number - number != 0:
            return text
        if shown in ("date", "duration"):
            return moment_text(number, shown, self.from_1904)
        return number_text(number, percent=shown == "percent")


class _Rows:
    """The rows of a sheet's XML, pushed through expat in pieces."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.done: list[Numbered] = []
        self.number = 0
        self.cells: list[str] = []
        self.column = 0
        self.kind, self.style = "n", -1
        self.value: list[str] = []
        self.formula: list[str] = []
        self.has_value = False
        self.into: list[str] | None = None
        self.phonetic = 0

    def read(self, part: str) -> Iterator[Numbered]:
        parser = _parser(self, self.book.package, part)
        with self.book.package.open(part) as stream:
            try:
                while piece := stream.read(CHUNK):
                    parser.Parse(piece, False)
                    yield from self.done
                    self.done.clear()
                parser.Parse(b"", True)
            except expat.ExpatError as error:
                yield from self.done
                raise self.book.package.broken(f"{part}: {error}") from None
        yield from self.done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2] if ":" in name else name
        if name == "c":
            self.column = _column(attributes.get("r", ""), self.column)
            self.kind = attributes.get("t", "n")
            style = attributes.get("s", "")
            self.style = int(style) if style.isdecimal() else 0
            self.value, self.formula, self.has_value = [], [], False
        elif name == "v" or (name == "t" and not self.phonetic):
            self.into, self.has_value = self.value, True
        elif name == "row":
            written = attributes.get("r", "")
            self.number = int(written) if written.isdecimal() else self.number + 1
            self.cells, self.column = [], 0
        elif name == "f":
            self.into = self.formula
        elif name == "rPh":
            self.phonetic += 1

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2] if ":" in name else name
        if name in ("v", "t", "f"):
            self.into = None
        elif name == "rPh":
            self.phonetic -= 1
        elif name == "c":
            found = "".join(self.value) if self.has_value else None
            text = self.book.value(self.kind, self.style, found, "".join(self.formula))
            if text and self.column < MOST_COLUMNS:
                self.cells += [""] * (self.column + 1 - len(self.cells))
                self.cells[self.column] = text
            self.column += 1
        elif name == "row":
            self.done.append((self.number, self.cells))

    def text(self, text: str) -> None:
        if self.into is not None:
            self.into.append(text)


def _parser(reader: Any, package: Package, part: str) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text

    def refuse(*_: object) -> None:
        raise package.broken(f"{part} declares entities, as attacks on readers do")

    parser.EntityDeclHandler = refuse
    return parser


def _column(reference: str, following: int) -> int:
    """`C7` → 2; a cell without its place follows the one before."""
    number = 0
    for sign in reference:
        if not "A" <= sign <= "Z":
            break
        number = number * 26 + ord(sign) - 64
    return number - 1 if number else following


class _Texts:
    """Shared texts: `si` elements, whose runs are joined."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.own: list[str] = []
        self.inside = False
        self.phonetic = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        name = name.rpartition(":")[2] if ":" in name else name
        if name == "si":
            self.own = []
        elif name == "rPh":
            self.phonetic += 1
        elif name == "t":
            self.inside = not self.phonetic

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2] if ":" in name else name
        if name == "t":
            self.inside = False
        elif name == "rPh":
            self.phonetic -= 1
        elif name == "si":
            self.all.append(_unescaped("".join(self.own)))

    def text(self, text: str) -> None:
        if self.inside:
            self.own.append(text)


class _Merges:
    """`mergeCell` elements, which stand behind the rows."""

    def __init__(self) -> None:
        self.all: list[Range] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "mergeCell" and (one := _range(attributes.get("ref", ""))) is not None:
            self.all.append(one)

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


def _through(reader: Any, package: Package, part: str) -> Any:
    parser = _parser(reader, package, part)
    with package.open(part) as stream:
        try:
            while piece := stream.read(CHUNK):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise package.broken(f"{part}: {error}") from None
    return reader.all


def _texts(package: Package, part: str) -> list[str]:
    found: list[str] = _through(_Texts(), package, part)
    return found


def _merged(package: Package, part: str) -> list[Range]:
    """Merged ranges; a sheet without the word in its XML is not parsed for them."""
    with package.open(part) as stream:
        before = b""
        while piece := stream.read(1 << 20):
            if b"mergeCell " in before + piece:
                break
            before = piece[-16:]
        else:
            return []
    found: list[Range] = _through(_Merges(), package, part)
    return found


def _range(reference: str) -> Range | None:
    found = re.fullmatch(r"\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})", reference)
    if found is None:
        return None
    one = Range(int(found[2]) - 1, _column(found[1], 0), int(found[4]) - 1, _column(found[3], 0))
    return one if one.right < MOST_COLUMNS else None


def _unescaped(text: str) -> str:
    """Control characters that XML cannot hold are written `_x000D_`; a carriage return is dropped."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda one: _sign(int(one[1], 16)), text) if "_x" in text else text


def _sign(code: int) -> str:
    return "" if code == 13 else chr(code) if not 0xD800 <= code < 0xE000 else ""
