"""All kinds over one text: spans in order, without overlaps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tuneloop.text.personal.kind import Candidate, PersonalKind, kinds

# Full-width letters, digits and the signs that stand inside numbers and addresses; not ！ and ， which end a sentence.
_WIDE = re.compile("[０-９Ａ-Ｚａ-ｚ＠．－＋＝：（）]")
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

    def find(self, text: str) -> list[Span]:
        """The spans in order, without overlaps."""
        plain = text if text.isascii() or not _WIDE.search(text) else text.translate(_PLAIN)
        hints: dict[re.Pattern[str], bool] = {}
        found = []
        for kind in self.kinds:
            if kind.hint not in hints:
                hints[kind.hint] = kind.hint.search(plain) is not None
            if hints[kind.hint]:
                found += self._spans(kind, plain)
        return _apart(found, plain) if len(found) > 1 else found

    def _spans(self, kind: PersonalKind, text: str) -> list[Span]:
        spans = []
        for match in kind.pattern.finditer(text):
            named = "value" in kind.pattern.groupindex and match["value"] is not None
            candidate = Candidate(text, *match.span("value" if named else 0))
            confidence = kind.judge(candidate)
            if confidence >= self.minimum:
                spans.append(Span(candidate.start, candidate.end, kind.name, confidence, kind.normal(candidate.value)))
        return spans


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
