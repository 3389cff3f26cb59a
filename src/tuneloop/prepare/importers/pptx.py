"""Presentations: each slide's title, texts, tables and diagrams, and the speaker's notes.

A slide's title is a heading, its paragraphs are items by their indent; shapes come in the order in which they were
drawn, the title first.  Notes follow under `Notes`.  Hidden slides are left out and named.  A merged cell stands once.
Not read: pictures, the figures of charts, comments, and what only the master slide says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tuneloop.config import setting
from tuneloop.prepare.container import Limits, Skipped
from tuneloop.prepare.document.blocks import Block, heading, table
from tuneloop.prepare.document.macros import macros
from tuneloop.prepare.document.package import Package, open_package, package_kind
from tuneloop.prepare.document.reader import DocumentImporter, Part
from tuneloop.prepare.document.xml import attribute, child, local, main_part, relations, tree
from tuneloop.prepare.importer import Head
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

if TYPE_CHECKING:
    from lxml.etree import _Element

HIDDEN = Words(
    "hidden slide; show it in the program, or set formats.pptx.hidden",
    "隐藏的幻灯片；可取消隐藏，或设置 formats.pptx.hidden",
)
_TITLES = frozenset({"title", "ctrTitle"})
_ABOUT = frozenset({"dt", "ftr", "sldNum", "hdr"})


class Pptx(DocumentImporter):
    """Slides in order."""

    unit = "slide"
    title = Words("PowerPoint (.pptx)", "PowerPoint（.pptx）")
    help = Words(
        "Presentations: titles, texts, tables, diagrams and speaker's notes of each slide; macros never run.",
        "演示文稿：每张幻灯片的标题、文字、表格、图示和演讲者备注；不执行宏。",
    )

    notes: bool = setting(True, en="the speaker's notes are read", zh="读取演讲者备注")
    hidden: bool = setting(False, en="hidden slides are read too", zh="也读取隐藏的幻灯片")
    archives: Limits = setting(Limits(), en="how much the file may unpack to", zh="文件解压的上限")

    def recognize(self, head: Head) -> float:
        return 1.0 if package_kind(head.file) == "pptx" else 0.0

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        with open_package(file, "pptx", self.archives) as package:
            yield from macros(package)
            part = main_part(package, "ppt/presentation.xml")
            known = relations(package, part)
            slides = child(tree(package, part), "sldIdLst")
            seen: set[str] = set()
            for number, one in enumerate(slides if slides is not None else (), 1):
                place = known.get(_relation(one) or "", ("", ""))[1]
                if not place:
                    raise package.broken(f"slide {number} is missing")
                if place in seen:
                    continue
                seen.add(place)
                yield from self._slide(package, place, number)

    def _slide(self, package: Package, part: str, number: int) -> Iterator[Part]:
        root = tree(package, part)
        if (root.get("show") or "1") in ("0", "false") and not self.hidden:
            yield Skipped(f"slide {number}", HIDDEN)
            return
        known = relations(package, part)
        shapes = child(root, "cSld", "spTree")
        every = list(_shapes(shapes)) if shapes is not None else []
        titles = [one for one in every if _placeholder(one) in _TITLES]
        for shape in titles:
            if text := " ".join(text for text, _ in _paragraphs(shape)):
                yield heading(text, 1, number)
        for shape in every:
            if shape not in titles and _placeholder(shape) not in _ABOUT:
                yield from _blocks(shape, package, known, number)
        notes = next((target for kind, target in known.values() if kind == "notesSlide"), None)
        if self.notes and notes in package.names:
            yield from _notes(tree(package, notes), number)


def _shapes(group: _Element) -> Iterator[_Element]:
    """Shapes and tables, those of groups in their place; of alternatives the first."""
    for one in group:
        kind = local(one)
        if kind in ("grpSp", "AlternateContent"):
            inside = child(one, "Choice") if kind == "AlternateContent" else one
            if inside is not None:
                yield from _shapes(inside)
        elif kind in ("sp", "graphicFrame"):
            yield one


def _placeholder(shape: _Element) -> str:
    found = child(shape, "nvSpPr", "nvPr", "ph")
    return "" if found is None else (found.get("type") or "body")


def _blocks(shape: _Element, package: Package, known: dict[str, tuple[str, str]], number: int) -> Iterator[Block]:
    if local(shape) == "sp":
        texts = _paragraphs(shape)
        listed = _placeholder(shape) != "" and len(texts) > 1
        for text, level in texts:
            if listed or level:
                yield Block("item", text, level, number)
            else:
                yield Block("paragraph", text, page=number)
        return
    data = child(shape, "graphic", "graphicData")
    if data is None:
        return
    for one in data:
        if local(one) == "tbl":
            made = table([list(_cells(row)) for row in one if local(row) == "tr"], number)
            if made is not None:
                yield made
        elif local(one) == "relIds":
            place = known.get(attribute(one, "dm") or "", ("", ""))[1]
            if place in package.names:
                for point in tree(package, place).iter():
                    if local(point) == "p":
                        text = _text(point)
                        if text:
                            yield Block("item", text, 0, number)


def _cells(row: _Element) -> Iterator[str]:
    for cell in row:
        if local(cell) == "tc":
            covered = (cell.get("hMerge") or cell.get("vMerge") or "0") in ("1", "true")
            yield "" if covered else " ".join(text for text, _ in _paragraphs(cell))


def _notes(root: _Element, number: int) -> Iterator[Block]:
    shapes = child(root, "cSld", "spTree")
    found = [
        text
        for shape in (_shapes(shapes) if shapes is not None else ())
        if _placeholder(shape) == "body"
        for text, _ in _paragraphs(shape)
    ]
    if found:
        yield heading("Notes", 2, number)
        yield from (Block("paragraph", text, page=number) for text in found)


def _paragraphs(shape: _Element) -> list[tuple[str, int]]:
    """The text and the indent of each paragraph that says something."""
    body = child(shape, "txBody")
    found = []
    for one in body if body is not None else ():
        if local(one) == "p" and (text := _text(one)):
            level = child(one, "pPr")
            indent = (level.get("lvl") or "0") if level is not None else "0"
            found.append((text, min(int(indent), 8) if indent.isdecimal() else 0))
    return found


def _text(paragraph: _Element) -> str:
    parts = []
    for one in paragraph.iter():
        if local(one) == "t":
            parts.append(one.text or "")
        elif local(one) == "br":
            parts.append("\n")
    return "".join(parts).replace("\v", "\n").strip()


def _relation(element: _Element) -> str | None:
    """The `r:id`, beside which stands an `id` of another kind."""
    return next((str(value) for key, value in element.attrib.items() if str(key).endswith("}id")), None)
