"""A page of a PDF → its lines, as pdfium orders them, with their place and size.

pdfium gives a page's characters in the order in which the file draws them, grouped to lines; of two columns it gives
one after the other where the file does, and line by line across both where the file does that.
"""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

BOLD = 600
_BREAK = re.compile(r"\r\n|[\r\n]|[\ufffe\x02]")
_HYPHENS = "\ufffe\x02"
"""What pdfium writes for a hyphen at the end of a line, with the line break."""


@dataclass(slots=True)
class PdfLine:
    """Lengths are points (1/72 inch) from the page's lower left corner; size and weight are those in its middle."""

    text: str
    left: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    size: float = 0.0
    bold: bool = False
    hyphenated: bool = False


@dataclass(slots=True)
class PdfPageLines:
    """`number` counts from 1; `pictures` says whether a page without text shows something."""

    number: int
    height: float
    lines: list[PdfLine]
    pictures: bool = False


def page_lines(page: PdfPage, number: int) -> PdfPageLines:
    """The lines of one page that hold a character."""
    from pypdfium2 import raw

    made = PdfPageLines(number, page.get_height(), [])
    text_page = page.get_textpage()
    try:
        text = text_page.get_text_range()
        exact = text_page.count_chars() == len(text)
        start = 0
        for end in [*_BREAK.finditer(text), None]:
            stop = end.start() if end else len(text)
            line = _line(text_page, text, start, stop, exact)
            if line is not None:
                line.hyphenated = end is not None and end[0] in _HYPHENS
                made.lines.append(line)
            start = end.end() if end else stop
    finally:
        text_page.close()
    if not made.lines:
        made.pictures = raw.FPDFPage_CountObjects(page.raw) > 0
    return made


def _line(text_page: Any, text: str, start: int, stop: int, exact: bool) -> PdfLine | None:
    written = text[start:stop]
    bare = written.strip().replace("\x00", "")
    if not bare:
        return None
    if not exact:  # characters beyond the first 65,536 count twice there: no place is known
        return PdfLine(bare)
    first = start + len(written) - len(written.lstrip())
    last = start + len(written.rstrip()) - 1
    left, bottom, _ = _box(text_page, first)
    middle = (first + last) // 2
    while text[middle].isspace():  # pdfium writes spaces that no font has
        middle += 1
    size, weight = _font(text_page, middle)
    return PdfLine(bare, left, _box(text_page, last)[2], bottom, size, weight >= BOLD)


def _box(text_page: Any, index: int) -> tuple[float, float, float]:
    """(left, bottom, right) of a character with the space that its font gives it; zeros where it has none."""
    from pypdfium2 import raw

    rectangle = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text_page.raw, index, ctypes.byref(rectangle)):
        return 0.0, 0.0, 0.0
    return rectangle.left, rectangle.bottom, rectangle.right


def _font(text_page: Any, index: int) -> tuple[float, int]:
    """Size on the page and weight (400 is regular, 700 bold, 0 unknown)."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    scale = 1.0
    if raw.FPDFText_GetMatrix(text_page.raw, index, ctypes.byref(matrix)):
        scale = math.hypot(matrix.c, matrix.d) or 1.0
    return raw.FPDFText_GetFontSize(text_page.raw, index) * scale, raw.FPDFText_GetFontWeight(text_page.raw, index)
