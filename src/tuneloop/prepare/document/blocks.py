"""The parts of a document: headings, paragraphs, items of lists, tables and code, each written as Markdown.

A document becomes records that people and models read as text, so its structure is kept in the one notation that both
know.  Text is not escaped: a paragraph that begins with `#` stays as it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "table", "code"]
LONGEST_HEADING = 300
"""Characters; what is longer was set as a heading for its looks."""


@dataclass(frozen=True, slots=True)
class Block:
    """`level` is that of a heading (1 to 6) or how deep an item lies (from 0); `page` and `line` count from 1.

    `text` of a heading or item is without its mark; that of a table or code is whole Markdown, fences included.
    """

    kind: Kind
    text: str
    level: int = 0
    page: int | None = None
    line: int | None = None
    marker: str = "-"

    @property
    def written(self) -> str:
        if self.kind == "heading":
            return f"{'#' * self.level} {self.text}"
        if self.kind == "item":
            lead = "  " * self.level + self.marker + " "
            return lead + self.text.replace("\n", "\n" + " " * len(lead))
        return self.text


def heading(text: str, level: int, page: int | None = None, line: int | None = None) -> Block:
    """A heading on one line; one that is as long as a paragraph is a paragraph."""
    text = " ".join(text.split())
    if len(text) > LONGEST_HEADING:
        return Block("paragraph", text, page=page, line=line)
    return Block("heading", text, min(max(level, 1), 6), page, line)


def code(text: str, language: str = "", page: int | None = None, line: int | None = None) -> Block:
    """Code between fences that are longer than any inside."""
    fence = "```"
    while fence in text:
        fence += "`"
    return Block("code", f"{fence}{language}\n{text.strip(chr(10))}\n{fence}", 0, page, line)


def table(rows: Sequence[Sequence[str]], page: int | None = None) -> Block | None:
    """A Markdown table whose first row is its head; None without any text.

    A table of one column, or of one row, is laid out for its looks: it becomes lines.
    """
    filled = [[" ".join(cell.split()) for cell in row] for row in rows]
    filled = [row for row in filled if any(row)]
    width = max((len(row) for row in filled), default=0)
    kept = [place for place in range(width) if any(place < len(row) and row[place] for row in filled)]
    if not kept:
        return None
    if len(kept) == 1 or len(filled) == 1:
        return Block("paragraph", "\n".join(" ".join(cell for cell in row if cell) for row in filled), page=page)
    lines = []
    for number, row in enumerate(filled):
        cells = [row[place].replace("|", "\\|") if place < len(row) else "" for place in kept]
        lines.append(f"| {' | '.join(cells)} |")
        if number == 0:
            lines.append("|" + " --- |" * len(kept))
    return Block("table", "\n".join(lines), page=page)


def joined(blocks: Sequence[Block]) -> str:
    """Blocks as one text: an empty line between them, none between items of one list."""
    parts: list[str] = []
    for number, block in enumerate(blocks):
        if number:
            parts.append("\n" if block.kind == "item" and blocks[number - 1].kind == "item" else "\n\n")
        parts.append(block.written)
    return "".join(parts)
