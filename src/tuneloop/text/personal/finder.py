"""All kinds over one text: spans in order, without overlaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tuneloop.text.personal.kind import Candidate, PersonalKind, kinds

# Full-width letters, digits and the signs that stand inside numbers and addresses; not ！ and ， which end a sentence.
_WIDE = re.compile("[０-９Ａ-Ｚａ-ｚ＠．－＋＝：（）]")
_WORD_REST = re.compile("[!-~]{0,8192}")  # always matches
_PLAIN = {point: point - 0xFEE0 for point in range(0xFF01, 0xFF5F) if _WIDE.match(chr(point))}


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is of this kind (its name); `normal` is the value however it is written."""

    start: int
    end: int
    kind: str
    confidence: float
    normal: str


class Finder:
    """Finds the named kinds (all by default) that are at least as sure as `minimum`."""

    def __init__(self, names: Iterable[str] | None = None, minimum: float = 0.5) -> None:
        self.kinds: list[PersonalKind] = [kinds.create(name) for name in (kinds if names is None else names)]
        self.minimum = minimum
        self._bare_hints = {kind.hint for kind in self.kinds if not kind.words}
        self._words = {word: kind.hint for kind in self.kinds for word in kind.words}

    def concerns(self, text: str) -> bool:
        """Is there a hint of any kind? Quick, and right when it says no."""
        plain = text if text.isascii() or not _WIDE.search(text) else text.translate(_PLAIN)
        if any(hint.search(plain) for hint in self._bare_hints):
            return True
        small = plain.lower()
        return any(word in small and hint.search(plain) for word, hint in self._words.items())

    def find(self, text: str) -> list[Span]:
        """The spans in order, without overlaps."""
        plain = text if text.isascii() or not _WIDE.search(text) else text.translate(_PLAIN)
        small = plain.lower()
        found: list[Span] = []
        places: dict[tuple[re.Pattern[str], int], list[tuple[int, int]]] = {}
        for kind in self.kinds:
            if kind.words and not any(word in small for word in kind.words):
                continue
            key = (kind.hint, kind.reach)
            if key not in places:
                places[key] = _regions(plain, kind.hint, kind.reach)
            for start, end in places[key]:
                found += self._spans(kind, plain, start, end)
        return _apart(found, plain) if len(found) > 1 else found

    def _spans(self, kind: PersonalKind, text: str, start: int, end: int) -> Iterator[Span]:
        for match in kind.pattern.finditer(text, start, end):
            named = "value" in kind.pattern.groupindex and match["value"] is not None
            candidate = Candidate(text, *match.span("value" if named else 0))
            confidence = kind.judge(candidate)
            if confidence >= self.minimum:
                yield Span(candidate.start, candidate.end, kind.name, confidence, kind.normal(candidate.value))


def _regions(text: str, hint: re.Pattern[str], reach: int) -> list[tuple[int, int]]:
    """Where it is worth looking: around each hint, overlaps joined; an end never cuts an ASCII word."""
    regions: list[tuple[int, int]] = []
    for match in hint.finditer(text):
        start, end = max(0, match.start() - reach), match.end() + reach
        if regions and start <= regions[-1][1]:
            regions[-1] = (regions[-1][0], end)
        else:
            regions.append((start, end))
    return [(start, _WORD_REST.match(text, min(end, len(text))).end()) for start, end in regions]  # type: ignore[union-attr]


def _apart(spans: list[Span], text: str) -> list[Span]:
    """Overlapping spans become one, of the surest kind, that covers them all: no half of a password is left over."""
    apart: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if apart and span.start < apart[-1].end:
            apart[-1] = _joined(apart[-1], span, text)
        else:
            apart.append(span)
    return apart


def _joined(one: Span, two: Span, text: str) -> Span:
    surer = max(one, two, key=lambda span: (span.confidence, span.end - span.start))
    start, end = min(one.start, two.start), max(one.end, two.end)
    normal = surer.normal if (start, end) == (surer.start, surer.end) else text[start:end]
    return Span(start, end, surer.kind, surer.confidence, normal)
