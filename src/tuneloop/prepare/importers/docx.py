"""Word documents: headings, paragraphs, lists, tables, notes and text boxes, in the order of the text.

The file's XML is streamed paragraph by paragraph.  A heading is a paragraph whose style is one, by its outline level or
by its name (`heading 2`, `标题 2`, `Title`).  What a reviewer deleted or moved away is not read, what was inserted is.
A merged cell stands once, the cells that it covers are empty.  Notes follow the paragraph that refers to them.
Headers, footers, comments and pictures are not read; a Word file knows no pages before it is laid out, so places name
headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuneloop.config import setting
from tuneloop.prepare.container import Limits
from tuneloop.prepare.document.blocks import Block, heading, table
from tuneloop.prepare.document.macros import macros
from tuneloop.prepare.document.package import Package, open_package, package_kind
from tuneloop.prepare.document.reader import DocumentImporter, Part
from tuneloop.prepare.document.xml import attribute, child, children_of, local, main_part, relations, tree
from tuneloop.prepare.importer import Head
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADING = re.compile(r"(?:heading|标题|見出し|제목|überschrift|titre)\s*([1-9])", re.IGNORECASE)
_TITLES = {"title": 1, "标题": 1, "标题1": 1, "大标题": 1, "subtitle": 2, "副标题": 2}
_GONE = frozenset({"del", "moveFrom", "instrText", "delText", "Fallback", "rPr", "pPr", "fldData"})
_HOLDERS = frozenset({"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice"})
_BULLETS = frozenset({"bullet", "none"})


class Docx(DocumentImporter):
    """Blocks of a Word document's body."""

    title = Words("Word (.docx)", "Word（.docx）")
    help = Words(
        "Word documents: headings by their styles, lists, tables, notes and text boxes; tracked deletions are not "
        "read, macros never run.",
        "Word 文档：按样式识别标题，读取列表、表格、脚注和文本框；不读取修订中已删除的内容，不执行宏。",
    )

    archives: Limits = setting(Limits(), en="how much the file may unpack to", zh="文件解压的上限")

    def recognize(self, head: Head) -> float:
        return 1.0 if package_kind(head.file) == "docx" else 0.0

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        with open_package(file, "docx", self.archives) as package:
            yield from macros(package)
            part = main_part(package, "word/document.xml")
            body = _Body(_Styles.of(package, part))
            for element in children_of(package, part, "body"):
                yield from body.blocks(element)


@dataclass
class _Styles:
    """Levels of heading styles, lists by style, kinds of lists, and the notes."""

    levels: dict[str, int] = field(default_factory=dict)
    lists: dict[str, tuple[str, int]] = field(default_factory=dict)
    ordered: set[tuple[str, int]] = field(default_factory=set)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, package: Package, part: str) -> _Styles:
        parts = dict(relations(package, part).values())
        made = cls()
        if "styles" in parts and parts["styles"] in package.names:
            made._read_styles(tree(package, parts["styles"]))
        if "numbering" in parts and parts["numbering"] in package.names:
            made._read_numbering(tree(package, parts["numbering"]))
        for kind in ("footnotes", "endnotes"):
            if kind in parts and parts[kind] in package.names:
                made._read_notes(kind[:-1], tree(package, parts[kind]))
        return made

    def _read_styles(self, root: _Element) -> None:
        based: dict[str, str] = {}
        for style in (one for one in root if local(one) == "style"):
            name = attribute(style, "styleId") or ""
            based[name] = _value(child(style, "basedOn")) or ""
            level = _level_of(_value(child(style, "name")) or "", child(style, "pPr"))
            if level:
                self.levels[name] = level
            if (numbered := _numbering(child(style, "pPr"))) is not None:
                self.lists[name] = numbered
        for name in based:
            seen, above = {name}, based[name]
            while above and above not in seen and name not in self.levels:
                if above in self.levels:
                    self.levels[name] = self.levels[above]
                seen.add(above)
                above = based.get(above, "")

    def _read_numbering(self, root: _Element) -> None:
        ordered: dict[str, set[int]] = {}
        for one in (one for one in root if local(one) == "abstractNum"):
            own = ordered.setdefault(attribute(one, "abstractNumId") or "", set())
            for level in (at for at in one if local(at) == "lvl"):
                if (_value(child(level, "numFmt")) or "decimal") not in _BULLETS:
                    own.add(_number(attribute(level, "ilvl")))
        for one in (one for one in root if local(one) == "num"):
            identity = attribute(one, "numId") or ""
            self.ordered |= {(identity, at) for at in ordered.get(_value(child(one, "abstractNumId")) or "", ())}

    def _read_notes(self, kind: str, root: _Element) -> None:
        for one in root:
            if attribute(one, "type") in (None, "normal"):
                text = " ".join(filter(None, (_text(part, {}).strip() for part in one if local(part) == "p")))
                self.notes[kind, attribute(one, "id") or ""] = text


@dataclass
class _Body:
    styles: _Styles
    counts: dict[tuple[str, int], int] = field(default_factory=dict)
    cited: int = 0

    def blocks(self, element: _Element) -> Iterator[Block]:
        """Of one child of the body; holders of others (fields, revisions, controls) are opened."""
        kind = local(element)
        if kind == "p":
            yield from self._paragraph(element)
        elif kind == "tbl":
            yield from self._table(element)
        elif kind in _HOLDERS:
            for one in element:
                yield from self.blocks(one)

    def _paragraph(self, element: _Element) -> Iterator[Block]:
        notes: list[str] = []
        boxes: list[_Element] = []
        text = _text(element, self.styles.notes, notes, boxes, self.cited).strip()
        self.cited += len(notes)
        about = child(element, "pPr")
        style = _value(child(about, "pStyle")) or ""
        level = _level_of("", about) or self.styles.levels.get(style, 0)
        numbered = _numbering(about) or self.styles.lists.get(style)
        if text and level:
            yield heading(text, level)
        elif text and numbered is not None and numbered[0] != "0":
            yield Block("item", text, numbered[1], marker=self._marker(numbered))
        elif text:
            yield Block("paragraph", text)
        for note in notes:
            yield Block("paragraph", note)
        for box in boxes:
            for one in box:
                yield from self.blocks(one)

    def _marker(self, numbered: tuple[str, int]) -> str:
        if numbered not in self.styles.ordered:
            return "-"
        for key in [key for key in self.counts if key[0] == numbered[0] and key[1] > numbered[1]]:
            del self.counts[key]
        self.counts[numbered] = self.counts.get(numbered, 0) + 1
        return f"{self.counts[numbered]}."

    def _table(self, element: _Element) -> Iterator[Block]:
        rows: list[list[str]] = []
        notes: list[str] = []
        inner: list[_Element] = []
        for row in _all(element, "tr"):
            cells: list[str] = []
            before = child(row, "trPr", "gridBefore")
            cells += [""] * min(_number(_value(before)), 64)
            for cell in _all(row, "tc"):
                about = child(cell, "tcPr")
                merged = child(about, "vMerge")
                covered = merged is not None and _value(merged) != "restart"
                cells.append("" if covered else self._cell(cell, notes, inner))
                cells += [""] * (min(max(_number(_value(child(about, "gridSpan"))), 1), 64) - 1)
            rows.append(cells)
        made = table(rows)
        if made is not None:
            yield made
        for note in notes:
            yield Block("paragraph", note)
        for one in inner:
            yield from self._table(one)

    def _cell(self, cell: _Element, notes: list[str], inner: list[_Element]) -> str:
        parts = []
        for one in _flat(cell):
            if local(one) == "p":
                found: list[str] = []
                parts.append(_text(one, self.styles.notes, found, None, self.cited).strip())
                self.cited += len(found)
                notes += found
            elif local(one) == "tbl":
                inner.append(one)
        return " ".join(filter(None, parts))


def _flat(element: _Element) -> Iterator[_Element]:
    """Children, with those of holders in their place."""
    for one in element:
        if local(one) in _HOLDERS:
            yield from _flat(one)
        else:
            yield one


def _all(element: _Element, name: str) -> Iterator[_Element]:
    return (one for one in _flat(element) if local(one) == name)


def _text(
    element: _Element,
    known: dict[tuple[str, str], str],
    notes: list[str] | None = None,
    boxes: list[_Element] | None = None,
    before: int = 0,
) -> str:
    """What a paragraph says; references to notes become `[1]`, the notes and text boxes are handed out."""
    parts: list[str] = []
    waiting = list(reversed(list(element)))
    while waiting:
        one = waiting.pop()
        name = local(one)
        if name == "t":
            parts.append(one.text or "")
        elif name in ("tab", "ptab"):
            parts.append(" ")
        elif name in ("br", "cr"):
            parts.append("\n")
        elif name == "noBreakHyphen":
            parts.append("-")
        elif name in ("footnoteReference", "endnoteReference") and notes is not None:
            note = known.get((name.removesuffix("Reference"), attribute(one, "id") or ""))
            if note:
                notes.append(f"[{before + len(notes) + 1}] {note}")
                parts.append(f"[{before + len(notes)}]")
        elif name == "txbxContent":
            if boxes is not None:
                boxes.append(one)
        elif name not in _GONE:
            waiting.extend(reversed(list(one)))
    return "".join(parts)


def _level_of(name: str, about: _Element | None) -> int:
    """Level of a heading by its outline or by the name of its style; 0 for none."""
    outline = _value(child(about, "outlineLvl"))
    if outline is not None and outline.isdecimal() and int(outline) < 9:
        return min(int(outline) + 1, 6)
    bare = name.strip().lower()
    if found := _HEADING.fullmatch(bare):
        return min(int(found[1]), 6)
    return _TITLES.get(bare.replace(" ", ""), 0)


def _numbering(about: _Element | None) -> tuple[str, int] | None:
    identity = _value(child(about, "numPr", "numId"))
    return None if identity is None else (identity, min(_number(_value(child(about, "numPr", "ilvl"))), 8))


def _value(element: _Element | None) -> str | None:
    return attribute(element, "val") if element is not None else None


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
