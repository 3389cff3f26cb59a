"""Lines of a PDF → headings and paragraphs, without what repeats at the edges of the pages.

A PDF holds places of characters and nothing of structure, so it is told from them:

- A line at the top or bottom that stands at the same place, with the same words or with a number that counts the pages,
  on two of the eight pages around is a header or footer and is left out (left and right pages may have their own).
- A line that ends although the first word of the next would have fitted ended on purpose; otherwise the text goes on.
  Words parted at the end of a line are mended, Chinese lines are joined without a space.
- A heading is a bookmark of the file, or a short line in larger type, or a bold one with a number before it.

Not covered: tables, which come as lines, and captions or notes that interrupt a paragraph.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from tuneloop.prepare.document.blocks import Block, heading
from tuneloop.prepare.document.pdf_lines import PdfLine, PdfPageLines

EDGE, EDGE_LINES, SAME_PLACE, AROUND = 0.15, 3, 4.0, 4
"""Share of a page's height at its edges, lines looked at there, points by which a repeated line may be off,
and pages looked at before and after."""

LARGER, LONGEST_HEADING = 1.15, 120
_CJK = "\u2e80-\u303f\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’—…"
_CJK_END, _CJK_START = re.compile(rf"[{_CJK}]$"), re.compile(rf"[{_CJK}]")
_ENDS = re.compile(r"[.!?。！？；;:：…][\"'”’）)\]】]*$")
_BULLET = re.compile(r"[•·●▪◦‣■□◆◇○►➢✓–—*-]\s*(?=\S)")
_NUMBERED = re.compile(r"(?:[(（]?\d{1,2}[)）.、]|[(（][一二三四五六七八九十]{1,3}[)）]|[①-⑳]|[a-zA-Z][.)])\s*\S")
_SECTION = re.compile(
    r"(?:(?P<parts>\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+|第[0-9一二三四五六七八九十百零]{1,5}(?P<kind>[章篇部节条])|"
    r"(?P<zh>[一二三四五六七八九十]{1,3})、|(?:chapter|appendix|part|section)\s+\w{1,4}\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass
class Repeated:
    """What was left out at the edges of pages."""

    lines: int = 0
    example: str = ""


def without_edges(pages: Iterable[PdfPageLines], repeated: Repeated) -> Iterator[PdfPageLines]:
    """The pages without their headers and footers; looks four pages back and four ahead."""
    around: deque[tuple[PdfPageLines, list[PdfLine], list[PdfLine]]] = deque(maxlen=2 * AROUND + 1)
    waiting = 0
    for page in pages:
        around.append((page, *_edges(page)))
        waiting += 1
        if waiting > AROUND:
            yield _cleaned(list(around), len(around) - 1 - AROUND, repeated)
            waiting -= 1
    for place in range(len(around) - waiting, len(around)):
        yield _cleaned(list(around), place, repeated)


_Edged = tuple[PdfPageLines, list[PdfLine], list[PdfLine]]


def _edges(page: PdfPageLines) -> tuple[list[PdfLine], list[PdfLine]]:
    ordered = sorted((line for line in page.lines if line.size), key=lambda line: -line.bottom)
    high, low = (1 - EDGE) * page.height, EDGE * page.height
    top = [line for line in ordered[:EDGE_LINES] if line.bottom > high]
    bottom = [line for line in ordered[-EDGE_LINES:] if line.bottom < low]
    return top, bottom


def _cleaned(around: list[_Edged], place: int, repeated: Repeated) -> PdfPageLines:
    page = around[place][0]
    others = [other for at, other in enumerate(around) if at != place and abs(other[0].number - page.number) <= AROUND]
    gone: set[int] = set()
    for edge in (1, 2):
        for line in around[place][edge]:  # type: ignore[union-attr]
            matching = sum(
                any(_repeats(line, one, other[0].number - page.number) for one in other[edge])  # type: ignore[union-attr]
                for other in others
            )
            if matching >= 2:
                gone.add(id(line))
                repeated.lines += 1
                repeated.example = repeated.example or line.text[:40]
    if gone:
        page.lines = [line for line in page.lines if id(line) not in gone]
    return page


def _repeats(line: PdfLine, other: PdfLine, apart: int) -> bool:
    """The same words at the same place, but for one number that counts the pages."""
    if abs(line.bottom - other.bottom) > SAME_PLACE or abs(line.size - other.size) > 0.5:
        return False
    if line.text == other.text:
        return True
    ours, theirs = re.split(r"(\d+)", line.text), re.split(r"(\d+)", other.text)
    if len(ours) > 1 and ours[::2] == theirs[::2]:
        moved = [int(b) - int(a) for a, b in zip(ours[1::2], theirs[1::2], strict=True) if a != b]
        return moved == [apart]
    numbers = [_roman(one.text) for one in (line, other)]
    return numbers[0] is not None and numbers[1] is not None and numbers[1] - numbers[0] == apart


def _roman(text: str) -> int | None:
    bare = text.strip(" -–—").lower()
    if not bare or len(bare) > 8 or any(sign not in _ROMAN for sign in bare):
        return None
    values = [_ROMAN[sign] for sign in bare]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


def body_size(pages: Iterable[PdfPageLines]) -> float:
    """The size in which most characters are set; 0 where none is known."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
    del sizes[0.0]
    return sizes.most_common(1)[0][0] if sizes else 0.0


@dataclass
class PdfBlocks:
    """`size` is that of the body, `marks` the bookmarks: page → heading without blanks → level."""

    size: float
    marks: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    _text: str = ""
    _page: int = 0
    _level: int = 0
    _last: PdfLine | None = None
    _pitch: float = 0.0
    _margin: dict[int, float] = field(default_factory=dict)

    def page(self, page: PdfPageLines) -> Iterator[Block]:
        """Blocks that end on this page; a paragraph that goes on waits for the next one."""
        self._pitch = _usual_pitch(page.lines)
        self._margin = _margins(page.lines)
        words = " ".join(line.text for line in page.lines)
        first = True
        for line in page.lines:
            level = self._heading(line, page.number)
            joint = self._joint(line, level, first, words)
            if joint is None:
                yield from self.rest()
                self._text, self._page, self._level = line.text, page.number, level
            else:
                self._text += joint + line.text
            self._last = line
            first = False

    def rest(self) -> Iterator[Block]:
        """What waits."""
        if self._text:
            text = self._text
            yield heading(text, self._level, self._page) if self._level else Block("paragraph", text, page=self._page)
        self._text, self._last, self._level = "", None, 0

    def _heading(self, line: PdfLine, page: int) -> int:
        """The level of a heading; 0 for none."""
        marked = self.marks.get(page, {}).get(re.sub(r"\s+", "", line.text))
        if marked is not None:
            return marked
        if len(line.text) > LONGEST_HEADING or line.text.endswith((",", ";", "，", "；", "。", "、")) or not self.size:
            return 0
        if not re.search(r"[^\W\d_]", line.text):
            return 0
        section = _SECTION.match(line.text)
        larger = line.size / self.size
        if section and (line.bold or larger >= LARGER):
            if section["parts"]:
                return section["parts"].count(".") + 1
            return {"节": 2, "条": 3}.get(section["kind"] or "", 1)
        if larger < LARGER:
            return 0
        return 1 if larger >= 1.6 else 2 if larger >= 1.3 else 3

    def _joint(self, line: PdfLine, level: int, first: bool, words: str) -> str | None:
        """What stands between the text so far and this line; None where a block begins."""
        last = self._last
        if last is None or level != self._level:
            return None
        if not last.size or not line.size:  # nothing is known of places
            return None if _ENDS.search(last.text) else _between(last, line, words)
        if abs(line.size - last.size) > 0.15 * last.size:
            return None
        pitch = last.bottom - line.bottom
        if level:
            return _between(last, line, words) if 0 < pitch < 1.8 * line.size else None
        ended = bool(_ENDS.search(last.text))
        jumped = first or pitch <= 0
        if jumped:
            return None if ended or _BULLET.match(line.text) else _between(last, line, words)
        if pitch > 1.28 * self._pitch or _BULLET.match(line.text):
            return None
        if pitch < 0.3 * last.size:  # the same line, with a gap
            return " "
        on_purpose = self._fits(last, line) or not _WORD.search(last.text) or not _WORD.search(line.text)
        indented = line.left > last.left + 0.8 * line.size
        if on_purpose or (indented and ended):
            return None if ended or indented or _NUMBERED.match(line.text) else "\n"
        return _between(last, line, words)

    def _fits(self, last: PdfLine, line: PdfLine) -> bool:
        """Would the first word of a line have fitted at the end of the last one?"""
        if last.hyphenated or line.right <= line.left:
            return False
        margin = max((right for left, right in self._margin.items() if abs(left - last.left) < 60), default=last.right)
        width = (line.right - line.left) / max(len(line.text), 1)
        word = 2.0 if _CJK_START.match(line.text) else len(line.text.split(maxsplit=1)[0]) + 1.5
        return last.right + word * width < margin


def _between(last: PdfLine, line: PdfLine, words: str) -> str:
    """Nothing, a space, or the hyphen of a word that is written so elsewhere on the page."""
    if last.hyphenated:
        before, after = re.findall(r"\w*$", last.text)[0], re.findall(r"^\w*", line.text)[0]
        return "-" if f"{before}-{after}" in words else ""
    if _CJK_END.search(last.text) or _CJK_START.match(line.text):
        return ""
    return " "


def _usual_pitch(lines: list[PdfLine]) -> float:
    """The distance between most lines."""
    steps = Counter(
        round(last.bottom - line.bottom, 0)
        for last, line in pairwise(lines)
        if 0.5 * line.size < last.bottom - line.bottom < 4 * line.size
    )
    if not steps:
        return 1.5 * max((line.size for line in lines), default=10.0)
    most = max(steps.values())
    return float(min(step for step, count in steps.items() if count >= most / 2))


def _margins(lines: list[PdfLine]) -> dict[int, float]:
    """How far to the right lines go that begin at some place."""
    found: dict[int, float] = {}
    for line in lines:
        left = round(line.left / 10) * 10
        found[left] = max(found.get(left, 0.0), line.right)
    return found
