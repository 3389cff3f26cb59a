"""Markdown: documents cut at their headings.

Headings are CommonMark's (`#` lines and lines underlined with `=` or `-`), outside of code.  Code between fences is
never cut, unless nothing closes it before a million characters.  What stands between headings is kept as it was
written.  YAML between `---` lines at the beginning describes the document; it is left out and named in the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuneloop.prepare.container import Skipped
from tuneloop.prepare.decoding import open_text
from tuneloop.prepare.document.blocks import Block, heading
from tuneloop.prepare.document.reader import DocumentImporter, Part
from tuneloop.prepare.importer import Head
from tuneloop.prepare.lines import Line, lines
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".mdx")
LONGEST_FENCE = 1_000_000
LONGEST_MARK = 1000
"""Characters of a line that may be a heading, open a fence or be a row of a table."""

LONGEST_FRONT = 200
"""Lines of front matter; what goes on for longer was a rule drawn above a text."""

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r"[ \t]{0,3}(?:[-*+>] +|\d{1,9}[.)] +)*[ \t]*(`{3,}|~{3,})([^`]*)$")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_NO_PARAGRAPH = re.compile(r" {0,3}(?:[-*+>]|\d{1,9}[.)]|\|)")
_FRONT_LINE = re.compile(r"[\w\-. ]+\s*:|[ \t]|-|#|$")

FRONT = Words("describes the document (title, date, tags)", "文档的描述信息（标题、日期、标签等）")


class Markdown(DocumentImporter):
    """Blocks between blank lines, under their headings."""

    title = Words("Markdown", "Markdown")
    help = Words(
        "Documents cut at their headings; each text begins with the headings around it. Code is never cut.",
        "按标题切分文档，每段文本以其所属的各级标题开头；代码块不会被切断。",
    )

    def recognize(self, head: Head) -> float:
        if not head.text or "\0" in head.text:
            return 0.0
        named = head.suffix in SUFFIXES
        marks = sum(bool(_ATX.match(line) and line.lstrip()[1:2]) for line in head.lines[:200])
        fences = sum(bool(_FENCE.match(line)) for line in head.lines[:200])
        if named:
            return 0.7
        return 0.35 if not head.suffix and marks + fences // 2 >= 2 and head.lines[0].startswith("# ") else 0.0

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        with open_text(file, encoding) as stream:
            found = lines(stream)
            first, body = _front_matter(found)
            if first:
                yield Skipped(f"lines 1-{first}", FRONT)
            yield from _blocks(body)


def _front_matter(found: Iterator[Line]) -> tuple[int, Iterator[Line]]:
    """The number of the line that closes the front matter, or 0; and the lines that are the document."""
    taken: list[Line] = []
    for line in found:
        taken.append(line)
        text = line.text.lstrip("\ufeff").rstrip()
        if line.number == 1:
            if text != "---":
                break
        elif text in ("---", "..."):
            return (line.number, found) if line.number > 2 else (0, _again(taken, found))
        elif line.number > LONGEST_FRONT or not _FRONT_LINE.match(text[:LONGEST_MARK]):
            break
    return 0, _again(taken, found)


def _again(taken: list[Line], rest: Iterator[Line]) -> Iterator[Line]:
    yield from taken
    yield from rest


def _blocks(found: Iterator[Line]) -> Iterator[Block]:
    block: list[str] = []
    begin = size = 0
    fence = ""

    def finish() -> Iterator[Block]:
        nonlocal size, fence
        text = "\n".join(block).strip("\n")
        if text.strip():
            kind = "code" if fence else "table" if _is_table(block) else "paragraph"
            yield Block(kind, text if fence else text.rstrip(), line=begin)  # type: ignore[arg-type]
        block.clear()
        size, fence = 0, ""

    for number, text in ((line.number, line.text.lstrip("\ufeff").rstrip()) for line in found):
        if fence:
            block.append(text)
            size += len(text) + 1
            bare = text.strip(" \t>")
            closes = bare.startswith(fence) and not bare.strip(fence[0])
            if closes or size > LONGEST_FENCE:
                yield from finish()
            continue
        if opening := _FENCE.match(text[:LONGEST_MARK]):
            if block and not _NO_PARAGRAPH.match(text) and not text.startswith((" ", "\t")):
                yield from finish()
            begin = begin if block else number
            block.append(text)
            fence = opening[1]
            size = sum(map(len, block))
            continue
        if not text.strip():
            yield from finish()
            continue
        if len(text) <= LONGEST_MARK and (found_heading := _ATX.match(text)):
            yield from finish()
            if (found_heading[2] or "").strip():
                yield heading(found_heading[2], len(found_heading[1]), line=number)
            continue
        under = _UNDERLINE.match(text)
        if under and block and not _NO_PARAGRAPH.match(block[0]) and len(block) <= 3:
            written = " ".join(block)
            block.clear()
            size = 0
            yield heading(written, 1 if under[1][0] == "=" else 2, line=begin)
            continue
        if not block or size > LONGEST_FENCE:
            yield from finish()
            begin = number
        block.append(text)
        size += len(text) + 1
    yield from finish()


def _is_table(block: list[str]) -> bool:
    return (
        len(block) > 2
        and len(block[1]) <= LONGEST_MARK
        and all(_ROW.match(line) for line in block)
        and bool(_RULE.match(block[1]))
    )
