"""Plain text: documents for continued pre-training.

Where a file has blank lines, the blocks between them are put together to documents of at most `max_chars`; where it has
none and its lines are long, each line is a document.  A single block or line beyond the limit is cut at the end of a
line or sentence, and its pieces stay together in a split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from tuneloop.config import setting
from tuneloop.prepare.cutting import cut
from tuneloop.prepare.decoding import damaged, not_of, open_text
from tuneloop.prepare.importer import Head, Importer, Item, Rejection, Row, excerpt
from tuneloop.prepare.lines import lines
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

SUFFIXES = (".txt", ".text")
LONG_LINE = 200
"""Characters in the mean, from which lines are taken for whole paragraphs."""


class Text(Importer):
    """Documents between blank lines; see the module for how they are cut."""

    title = Words("Text", "纯文本")
    help = Words(
        "Raw text for continued pre-training, cut into documents at blank lines.",
        "用于继续预训练的纯文本，在空行处切分成文档。",
    )

    documents: Literal["auto", "blocks", "lines", "file"] = setting(
        "auto",
        en="what is one document: blocks between blank lines put together, each line, or the file",
        zh="一个文档指什么：空行之间的段落拼接、每行一个，或整个文件",
    )
    max_chars: int = setting(8000, en="characters in one document, at most", zh="一个文档的最多字符数", ge=100)

    def recognize(self, head: Head) -> float:
        named = head.suffix in SUFFIXES
        if not head.text or _is_binary(head.text, 5 if named else 50):
            return 0.0
        return 0.6 if named else 0.3

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        way = self._way(Head(file, encoding))
        document: list[str] = []
        begin = size = 0
        with open_text(file, encoding) as stream:
            for first, block in _blocks(stream, way, self.max_chars):
                if byte := damaged(block):
                    yield _rejected(first, block, byte, encoding)
                    continue
                if document and (way == "lines" or size + len(block) > self.max_chars):
                    yield from self._finish(document, begin)
                    document, size = [], 0
                if not document:
                    begin = first
                document.append(block)
                size += len(block) + 2
            if document:
                yield from self._finish(document, begin)

    def _way(self, head: Head) -> str:
        if self.documents != "auto":
            return self.documents
        body = head.text.strip()
        if re.search(r"\n[ \t\r]*\n", body) or not head.lines:
            return "blocks"
        return "lines" if len(head.lines) > 1 and len(body) / len(head.lines) >= LONG_LINE else "blocks"

    def _finish(self, document: list[str], line: int) -> Iterator[Item]:
        text, place = "\n\n".join(document), f"line {line}"
        pieces = cut(text, self.max_chars) if self.documents != "file" else [text]
        for number, piece in enumerate(pieces, 1):
            many = len(pieces) > 1
            yield Row(
                {"text": piece}, f"{place}, piece {number}" if many else place, line, group=place if many else None
            )


def _rejected(first: int, block: str, byte: str, encoding: str | None) -> Rejection:
    """The block with its damaged line: its neighbours can be read without it."""
    line, text = next((line, text) for line, text in enumerate(block.split("\n"), first) if damaged(text))
    return Rejection("bad_bytes", not_of(byte, encoding), f"line {line}", excerpt(text))


def _blocks(stream: object, way: str, limit: int) -> Iterator[tuple[int, str]]:
    """(number of the first line, text) of each block; one that grows beyond four documents is given out in parts."""
    block: list[str] = []
    first = size = 0
    for line in lines(stream):  # type: ignore[arg-type]
        text = line.text.rstrip()
        if (not text.strip() and way != "file") or (size > 4 * limit and way == "blocks"):
            if block:
                yield first, "\n".join(block)
            block, size = [], 0
            if not text.strip():
                continue
        if way == "lines":
            yield line.number, text
            continue
        if not block:
            first = line.number
        block.append(text)
        size += len(text) + 1
    if "".join(block).strip():
        yield first, "\n".join(block).strip("\n")


def _is_binary(text: str, few: int) -> bool:
    """More than one in `few` signs is a control character or a byte that no encoding explains."""
    sample = text[:4096]
    odd = sum(
        (sign < " " and sign not in "\t\n\r\f\x1b") or "\udc00" <= sign <= "\udcff" or sign == "\x7f" for sign in sample
    )
    return odd * few > len(sample)
