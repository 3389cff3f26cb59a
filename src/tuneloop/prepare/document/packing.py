"""Blocks of a document put together to texts of at most so many characters, cut at headings first.

A text begins at the highest heading that leaves it at least a quarter full, the last of equals; without one, between
two blocks; inside a block only where it alone is too long, then after a line or sentence, and a table between its rows,
with its head repeated.  Code is never cut: a longer one is a text of its own length.  A heading is never the last thing
of a text while something follows it.

A text that begins inside a section begins with the headings around it, as Markdown lines, so that it is understood
alone; they may take a quarter of the limit, and the outermost are left out first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tuneloop.prepare.cutting import cut
from tuneloop.prepare.document.blocks import Block, joined

SHOWN = 60
"""Characters of a heading in a locator."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`path` are the headings at its beginning, the outermost first."""

    text: str
    path: tuple[str, ...]
    first_page: int | None
    last_page: int | None
    line: int | None


def packed(blocks: Iterable[Block], limit: int) -> Iterator[Piece]:
    """Texts in order; memory holds one of them and a block."""
    packer = _Packer(limit)
    for block in blocks:
        if block.kind == "heading" and len(block.text) > limit // 4:
            block = replace(block, kind="paragraph", level=0)
        if block.text.strip():
            yield from packer.add(block)
    yield from packer.rest()


@dataclass
class _Packer:
    limit: int
    around: list[Block] = field(default_factory=list)
    pending: list[Block] = field(default_factory=list)
    size: int = 0

    def add(self, block: Block) -> Iterator[Piece]:
        self.pending.append(block)
        self.size += _size(block)
        while self.size > self._room() + 2 and (piece := self._next()) is not None:
            yield piece

    def rest(self) -> Iterator[Piece]:
        if self.pending:
            yield self._take(len(self.pending))

    def _room(self) -> int:
        return self.limit - sum(_size(one) for one in self._crumbs())

    def _next(self) -> Piece | None:
        """The next text of what is too much; None where a heading waits for what follows it."""
        room, filled = self._room(), 0
        between: list[int] = []
        headings: list[int] = []
        for place, block in enumerate(self.pending):
            if place and self.pending[place - 1].kind != "heading":
                between.append(place)
                if block.kind == "heading" and filled >= room / 4:
                    headings.append(place)
            filled += _size(block)
            if filled > room + 2:
                break
        if headings:
            highest = min(self.pending[place].level for place in headings)
            return self._take(max(place for place in headings if self.pending[place].level == highest))
        if between:
            return self._take(between[-1])
        return self._divide(room)

    def _divide(self, room: int) -> Piece | None:
        """The first block that is no heading is too long: its first part goes out, the others wait."""
        place = next((at for at, block in enumerate(self.pending) if block.kind != "heading"), None)
        if place is None:
            return None
        whole = self.pending[place]
        space = max(room - sum(_size(block) for block in self.pending[:place]), self.limit // 4)
        parts = [whole] if whole.kind == "code" else _parts(whole, space)
        self.pending[place : place + 1] = parts
        self.size = sum(map(_size, self.pending))
        return self._take(place + 1)

    def _crumbs(self) -> list[Block]:
        """The headings around the beginning of what is pending."""
        first = self.pending[0] if self.pending else None
        own = [one for one in self.around if first is None or first.kind != "heading" or one.level < first.level]
        while own and sum(map(_size, own)) > self.limit // 4:
            own.pop(0)
        return own

    def _take(self, count: int) -> Piece:
        taken, crumbs = self.pending[:count], self._crumbs()
        self.pending = self.pending[count:]
        self.size = sum(map(_size, self.pending))
        path: tuple[str, ...] = ()
        begun = False
        for block in taken:
            if block.kind == "heading":
                self.around = [one for one in self.around if one.level < block.level] + [block]
            elif not begun:
                begun = True
                path = tuple(one.text[:SHOWN] for one in self.around)
        if not begun:
            path = tuple(one.text[:SHOWN] for one in self.around)
        pages = [block.page for block in taken if block.page is not None]
        line = next((block.line for block in taken if block.line is not None), None)
        text = joined([*crumbs, *taken])
        return Piece(text, path, min(pages, default=None), max(pages, default=None), line)


def _size(block: Block) -> int:
    return len(block.written) + 2


def _parts(block: Block, space: int) -> list[Block]:
    if block.kind == "table":
        return [replace(block, text=text) for text in _table_parts(block.text, space)]
    return [replace(block, text=text) for text in cut(block.text, max(space - 2 * block.level - 4, 1))]


def _table_parts(text: str, space: int) -> list[str]:
    """Rows in portions under the table's head; a row that is too long by itself is cut as text."""
    rows = text.split("\n")
    head = "\n".join(rows[:2])
    made: list[str] = []
    portion = head
    for row in rows[2:]:
        if portion != head and len(portion) + len(row) + 1 > space:
            made.append(portion)
            portion = head
        if len(head) + len(row) + 1 > space:
            made += cut(row, space)
            continue
        portion += "\n" + row
    return [*made, portion] if portion != head or not made else made
