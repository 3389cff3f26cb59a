"""The base of importers of documents: a member yields blocks, this makes rows of them.

A row is `{"text": …}`; its locator says page and headings, and all rows of a document belong to one group, so that they
stay on one side of a split.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.decoding import damaged
from tuneloop.prepare.document.blocks import Block
from tuneloop.prepare.document.packing import Piece, packed
from tuneloop.prepare.importer import Importer, Item, Rejection, Row, excerpt
from tuneloop.prepare.source_file import SourceFile

Part = Block | Rejection | Skipped


class DocumentImporter(Importer):
    """`unit` is what a page is called in a locator: `page`, `slide`, `chapter`."""

    unit: ClassVar[str] = "page"

    max_chars: int = setting(
        8000,
        en="characters in one text, at most; longer documents are cut at headings first",
        zh="一段文本的最多字符数；更长的文档优先在标题处切分",
        ge=200,
    )

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        """The document from its beginning; what cannot be read of it or is left out may stand between the blocks."""
        raise NotImplementedError(f"{type(self).__name__} must implement blocks")

    def items(self, file: SourceFile, encoding: str | None) -> Iterator[Item]:
        """Raises `InputError` for a document that holds no text and has not said why."""
        aside: list[Rejection | Skipped] = []
        count, rejected, before = 0, False, ""

        def only_blocks() -> Iterator[Block]:
            for part in self.blocks(file, encoding):
                if isinstance(part, Block):
                    yield part
                else:
                    aside.append(part)

        for piece in packed(only_blocks(), self.max_chars):
            count += 1
            place = self._place(piece)
            yield self._item(piece, place if place != before else f"{place}, text {count}", count, encoding)
            before = place
            rejected |= any(isinstance(one, Rejection) for one in aside)
            yield from aside
            aside.clear()
        rejected |= any(isinstance(one, Rejection) for one in aside)
        yield from aside
        if not count and not rejected:
            raise InputError(
                "holds no text", expected="paragraphs, lists or tables", where=Where(file=file.name), do=self.without()
            )

    def without(self) -> str:
        """What to do about a document without text."""
        return "Take it out of the input, or add its text"

    def _item(self, piece: Piece, place: str, number: int, encoding: str | None) -> Item:
        if byte := damaged(piece.text):
            message = (
                f"found the byte {byte}, which is not {(encoding or 'UTF-8').upper()}. Save the file in one encoding."
            )
            return Rejection("bad_bytes", message, place, excerpt(piece.text))
        return Row({"text": piece.text}, place, piece.line, number, group="document")

    def _place(self, piece: Piece) -> str:
        parts: list[str] = []
        if piece.first_page is not None:
            several = piece.last_page != piece.first_page
            parts.append(
                f"{self.unit}s {piece.first_page}-{piece.last_page}" if several else f"{self.unit} {piece.first_page}"
            )
        elif piece.line is not None:
            parts.append(f"line {piece.line}")
        if piece.path:
            parts.append("§ " + " › ".join(piece.path))
        return ", ".join(parts) or "document"
