"""PDF: the text that the file holds, page by page, with headings, without headers and footers.

Pages are read by pdfium one at a time, so that memory does not grow with their number.  A file behind a password is
refused; of a scan it is said that it holds pictures only.  The order of columns is the file's (`pdf_lines`).  Not read:
the values of forms, notes put onto pages, and text that is drawn as a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.document.pdf_blocks import PdfBlocks, Repeated, body_size, without_edges
from tuneloop.prepare.document.pdf_lines import PdfPageLines, page_lines
from tuneloop.prepare.document.reader import DocumentImporter, Part
from tuneloop.prepare.foreign import is_pdf
from tuneloop.prepare.importer import Head, Rejection
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

SAMPLE_PAGES, MOST_MARKS = 24, 20_000
OCR = "Run OCR over it (the program ocrmypdf adds the text to the file) and give what comes out"
REPEATED = Words(
    "repeat at the top or bottom of pages: {count} lines, such as {example}",
    "在页眉或页脚处重复出现：共 {count} 行，例如 {example}",
)
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0b\x0e-\x1f]")


class Pdf(DocumentImporter):
    """Pages in order."""

    title = Words("PDF", "PDF")
    help = Words(
        "PDF documents: paragraphs rebuilt from lines, headings, page numbers; headers and footers are left out. Scans "
        "without text are named and refused.",
        "PDF 文档：由行还原段落，识别标题，记录页码，去掉页眉页脚。没有文字的扫描件会被指出并拒绝。",
    )

    def recognize(self, head: Head) -> float:
        return 1.0 if is_pdf(head.file) else 0.0

    def blocks(self, file: SourceFile, encoding: str | None) -> Iterator[Part]:
        from pypdfium2 import PdfDocument, PdfiumError, raw

        with file.open() as stream:
            try:
                document = PdfDocument(stream)
                count = len(document)
            except PdfiumError as error:
                locked = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD
                raise (_locked(file) if locked else _broken(file, error)) from None
            try:
                yield from _document(document, count, file)
            finally:
                document.close()


def _document(document: PdfDocument, count: int, file: SourceFile) -> Iterator[Part]:
    if not count:
        raise _broken(file, "it has no pages")
    unread = _Unread()
    sample = range(0, count, max(1, count // SAMPLE_PAGES))
    made = PdfBlocks(body_size(_pages(document, sample, _Unread())), _marks(document))
    repeated = Repeated()
    any_text = False
    for page in without_edges(_pages(document, range(count), unread), repeated):
        any_text |= bool(page.lines)
        yield from made.page(page)
    yield from made.rest()
    if repeated.lines:
        yield Skipped("lines at the edges", REPEATED.format(count=repeated.lines, example=f"“{repeated.example}”"))
    if not any_text and not repeated.lines and unread.pictures:
        shown = "a page" if count == 1 else f"{count:,} pages"
        raise InputError(
            f"is a PDF of {shown} with pictures and no text, as scans are", where=Where(file=file.name), do=OCR
        )
    for kind, message in (
        ("pictures", f"shows pictures and holds no text, as scans do. {OCR}."),
        ("garbled", f"its fonts do not say which characters they show. {OCR}."),
        ("broken", "cannot be read: it is damaged. Open the file in its program and save it anew."),
    ):
        for first, last in _runs(getattr(unread, kind)):
            place = f"page {first}" if first == last else f"pages {first}-{last}"
            yield Rejection("no_text" if kind != "broken" else "damaged", message, place)


class _Unread:
    """Numbers of pages without text that one could read, by their reason."""

    def __init__(self) -> None:
        self.pictures: list[int] = []
        self.garbled: list[int] = []
        self.broken: list[int] = []


def _pages(document: PdfDocument, places: range, unread: _Unread) -> Iterator[PdfPageLines]:
    from pypdfium2 import PdfiumError

    for place in places:
        try:
            page = document[place]
        except PdfiumError:
            unread.broken.append(place + 1)
            continue
        try:
            lines = page_lines(page, place + 1)
        except PdfiumError:
            unread.broken.append(place + 1)
            continue
        finally:
            page.close()
        text = "".join(line.text for line in lines.lines)
        if lines.pictures:
            unread.pictures.append(place + 1)
        elif len(_UNREADABLE.findall(text)) > 0.3 * max(len(text), 1):
            unread.garbled.append(place + 1)
            lines.lines = []
        yield lines


def _marks(document: PdfDocument) -> dict[int, dict[str, int]]:
    """Bookmarks by page: heading without blanks → level."""
    from pypdfium2 import PdfiumError

    found: dict[int, dict[str, int]] = {}
    try:
        for mark in islice(document.get_toc(max_depth=6), MOST_MARKS):
            target = mark.get_dest()
            place = target.get_index() if target is not None else None
            if place is not None:
                found.setdefault(place + 1, {})[re.sub(r"\s+", "", mark.get_title())] = mark.level + 1
    except PdfiumError:
        return found  # a list of bookmarks that cannot be read costs the headings' levels only
    return found


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """3 4 5 9 → (3, 5) (9, 9)."""
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def _locked(file: SourceFile) -> InputError:
    return InputError(
        "is a PDF locked with a password",
        expected="one that opens without",
        where=Where(file=file.name),
        do="Open it, save it without a password, and give that file",
    )


def _broken(file: SourceFile, why: object) -> InputError:
    return InputError(
        f"is a PDF that cannot be read ({str(why)[:160]})",
        where=Where(file=file.name),
        do="Copy it again, or open it in its program and save it anew",
    )
