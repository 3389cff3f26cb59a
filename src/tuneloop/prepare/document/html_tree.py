"""An HTML tree → blocks: headings, paragraphs, lists, tables and code in the order of the page.

What browsers do not show (scripts, styles, `hidden`, `display: none`) is left out, and so are pictures, forms' fields
and the readings of ruby texts.  A table whose cells hold headings, lists, other tables or whole paragraphs is taken for
a page's layout and read cell by cell.  A cell that spans several stands once, the others are empty.  The tree is walked
without recursion, however deep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuneloop.prepare.document.blocks import Block, code, heading, table

if TYPE_CHECKING:
    from lxml.etree import _Element

LONGEST_CELL = 600
_NOT_READ = (
    "script style noscript template head svg iframe object embed select option button input textarea audio video canvas"
    " map rt rp datalist"
)
_WITHIN_LINES = (
    "a abbr acronym b bdi bdo big cite data del dfn em font i img ins kbd label mark math nobr q ruby rb s samp small"
    " span strike strong sub sup time tt u var wbr"
)
_HIDDEN, _INLINE = frozenset(_NOT_READ.split()), frozenset(_WITHIN_LINES.split())
_HEADING = re.compile(r"h[1-6]$")
_NOT_SHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BLANK = re.compile(r"[ \t\r\n\f\v\u00a0\u3000\u200b\ufeff]+")
_WRAPPED = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef])[ \t\r]*\n\s*(?=[\u2e80-\u9fff\uff00-\uffef])")
"""A line break of the source between Chinese characters, which are written without spaces."""

_SUBSET = re.compile(r"<!DOCTYPE[^>\[]{0,500}\[[^\]]*\]\s*>", re.IGNORECASE)
"""Declarations inside of a page's DOCTYPE, which HTML does not know and XHTML may hold; no entity of theirs is used."""

_LAYOUT = frozenset(("table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre"))


def parse(text: str) -> _Element | None:
    """The tree of a page; None for one without any element."""
    from lxml import etree

    clean = _SUBSET.sub("", re.sub(r"[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]", "", text), count=1)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return etree.fromstring(clean.encode("utf-8"), parser)
    except etree.XMLSyntaxError:
        return None


@dataclass(frozen=True, slots=True)
class Set:
    """A block as the page sets it: `linked` is the share of its characters that stand in links."""

    block: Block
    linked: float


def blocks_of(root: _Element, page: int | None = None, without: frozenset[str] = frozenset()) -> list[Block]:
    """The blocks under an element, in order; elements named in `without` are left out."""
    return [one.block for one in set_blocks(root, page, without)]


def set_blocks(root: _Element, page: int | None = None, without: frozenset[str] = frozenset()) -> list[Set]:
    """The same with what is known of their links."""
    from lxml import etree

    walker = _Walker(page)
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if not isinstance(element.tag, str):
            continue
        tag = element.tag.rpartition("}")[2].lower()
        if event == "start":
            if tag in _HIDDEN or tag in without or _is_hidden(element):
                walk.skip_subtree()
                walker.skipped.append(element)
                continue
            walker.start(element, tag)
            walker.add(element.text)
        elif walker.skipped and walker.skipped[-1] is element:
            walker.skipped.pop()
            walker.add(element.tail if element is not root else None)
        else:
            walker.end(element, tag)
            walker.add(element.tail if element is not root else None)
    walker.flush()
    return walker.blocks


def _is_hidden(element: _Element) -> bool:
    return element.get("hidden") is not None or bool(_NOT_SHOWN.search(element.get("style") or ""))


@dataclass
class _List:
    ordered: bool
    count: int = 0


@dataclass
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    element: _Element | None = None


@dataclass
class _Walker:
    page: int | None
    blocks: list[Set] = field(default_factory=list)
    skipped: list[_Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    lists: list[_List] = field(default_factory=list)
    table: _Table | None = None
    pre: int = 0
    quoted: int = 0
    item: bool = False
    anchors: int = 0
    signs: int = 0
    linked: int = 0

    def add(self, text: str | None) -> None:
        if text:
            length = len(text.strip())
            self.signs += length
            self.linked += length if self.anchors else 0
            self.text.append(text if self.pre else _BLANK.sub(" ", _WRAPPED.sub("", text)))

    def start(self, element: _Element, tag: str) -> None:
        if tag == "br":
            self.text.append("\n")
        elif tag == "a":
            self.anchors += 1
        elif tag == "code" and not self.pre:
            self.text.append("`")
        elif tag in _INLINE or tag == "code":
            return
        elif self.table is not None:
            self._start_in_table(element, tag)
        else:
            self.flush()
            self._start_block(element, tag)

    def _start_block(self, element: _Element, tag: str) -> None:
        if tag in ("ul", "ol", "menu"):
            self.lists.append(_List(tag == "ol"))
        elif tag in ("li", "dt"):
            if self.lists:
                self.lists[-1].count += 1
            self.item = tag == "li"
        elif tag == "pre":
            self.pre += 1
        elif tag == "blockquote":
            self.quoted += 1
        elif tag == "table" and not _is_layout(element):
            self.table = _Table(element=element)

    def _start_in_table(self, element: _Element, tag: str) -> None:
        assert self.table is not None
        if tag in ("td", "th"):
            self.text.clear()
        elif tag == "tr":
            self.table.rows.append([])
        elif tag == "caption":
            self.text.clear()
        else:
            self.text.append(" ")

    def end(self, element: _Element, tag: str) -> None:
        if tag == "a":
            self.anchors -= 1
        elif tag == "code" and not self.pre:
            if self.text and self.text[-1] == "`":
                self.text.pop()
            else:
                self.text.append("`")
        elif tag in _INLINE or tag in ("br", "code"):
            return
        elif self.table is not None:
            self._end_in_table(element, tag)
        else:
            self._end_block(tag)

    def _end_block(self, tag: str) -> None:
        if _HEADING.match(tag):
            self._put(lambda text: heading(text, int(tag[1]), self.page))
            return
        if tag == "pre":
            written = "".join(self.text)
            self.text.clear()
            self.pre -= 1
            if written.strip():
                self._append(code(written, page=self.page))
            return
        self.flush()
        if tag in ("ul", "ol", "menu") and self.lists:
            self.lists.pop()
        elif tag == "blockquote":
            self.quoted = max(0, self.quoted - 1)
        elif tag == "li":
            self.item = False

    def _end_in_table(self, element: _Element, tag: str) -> None:
        assert self.table is not None
        if tag in ("td", "th"):
            if not self.table.rows:
                self.table.rows.append([])
            self.table.rows[-1].append(_line("".join(self.text)))
            self.table.rows[-1] += [""] * (_span(element) - 1)
            self.text.clear()
        elif tag == "caption":
            self._put(lambda text: Block("paragraph", text, page=self.page))
        elif element is self.table.element:
            made = table(self.table.rows, self.page)
            self.table = None
            if made is not None:
                self._append(made)
            self.flush()
        else:
            self.text.append(" ")

    def flush(self) -> None:
        """What was collected becomes an item where it is the first of one, else a paragraph."""
        self._put(self._paragraph)

    def _paragraph(self, text: str) -> Block:
        if self.item and self.lists:
            self.item = False
            own = self.lists[-1]
            return Block("item", text, len(self.lists) - 1, self.page, marker=f"{own.count}." if own.ordered else "-")
        if self.quoted:
            text = "\n".join(f"> {line}" for line in text.split("\n"))
        return Block("paragraph", text, page=self.page)

    def _put(self, make: Callable[[str], Block]) -> None:
        if self.pre:
            return
        text = _lines("".join(self.text))
        self.text.clear()
        if text:
            self._append(make(text))

    def _append(self, block: Block) -> None:
        self.blocks.append(Set(block, self.linked / self.signs if self.signs else 0.0))
        self.signs = self.linked = 0


def _is_layout(element: _Element) -> bool:
    inside = element.iter()
    next(inside)
    for one in inside:
        tag = one.tag.rpartition("}")[2].lower() if isinstance(one.tag, str) else ""
        if tag in _LAYOUT or (one.text and len(one.text) > LONGEST_CELL):
            return True
        if tag == "td" and sum(child.tag == "p" for child in one) > 1:
            return True
    return False


def _span(element: _Element) -> int:
    found = element.get("colspan") or "1"
    return min(int(found), 100) if found.isdecimal() and int(found) > 0 else 1


def _line(text: str) -> str:
    return " ".join(text.split())


def _lines(text: str) -> str:
    """Blanks at the ends of lines go, and so do empty lines."""
    return "\n".join(line for one in text.split("\n") if (line := _BLANK.sub(" ", one).strip()))
