"""All kinds over one text: spans in order, without overlaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tuneloop.text.personal.kind import Candidate, PersonalKind, kinds
from tuneloop.text.personal.recurring import everywhere
from tuneloop.text.personal.span import Span

# Full-width letters, digits and the signs that stand inside numbers and addresses; not ！ and ， which end a sentence.
_WIDE = re.compile("[０-９Ａ-Ｚａ-ｚ＠．－＋＝：（）]")
_WORD_REST = re.compile("[!-~]{0,8192}")  # always matches
_PLAIN = {point: point - 0xFEE0 for point in range(0xFF01, 0xFF5F) if _WIDE.match(chr(point))}


class Finder:
    """Finds the named kinds (by default the usual ones) that are at least as sure as `minimum`."""

    def __init__(self, names: Iterable[str] | None = None, minimum: float = 0.5) -> None:
        self.kinds: list[PersonalKind] = [kinds.create(name) for name in (usual() if names is None else names)]
        self.minimum = minimum
        self._groups = list(_grouped(self.kinds))
        self._recurring = frozenset(kind.name for kind in self.kinds if kind.recurs)

    def concerns(self, text: str) -> bool:
        """Is there a hint of any kind? Quick, and right when it says no."""
        plain = _plain(text)
        for group in self._tried(plain):
            if group.hint.search(plain) if group.hint else any(_starts(kind, plain) for kind in group.kinds):
                return True
        return False

    def find(self, text: str) -> list[Span]:
        """The spans in order, without overlaps."""
        plain = _plain(text)
        found = self._shown(plain)
        return everywhere([plain], [found], self._recurring)[0] if self._holds_name(found) else found

    def find_all(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each of several texts that belong together: a name found in one is found in all."""
        plain = [_plain(text) for text in texts]
        found = [self._shown(text) for text in plain]
        return everywhere(plain, found, self._recurring) if any(map(self._holds_name, found)) else found

    def _holds_name(self, found: list[Span]) -> bool:
        return bool(found) and any(span.kind in self._recurring for span in found)

    def _shown(self, plain: str) -> list[Span]:
        """What is told by its form and the words around it."""
        found: list[Span] = []
        for group in self._tried(plain):
            if group.hint is None:
                for kind in group.kinds:
                    found += self._announced(kind, plain)
                continue
            places = _regions(plain, group.hint, group.reach)
            for kind in group.kinds if places else ():
                for start, end in places:
                    found += [
                        span for match in kind.pattern.finditer(plain, start, end) for span in self._span(kind, match)
                    ]
        return _apart(found, plain) if len(found) > 1 else found

    def _tried(self, plain: str) -> Iterator[_Group]:
        """The groups that this text is worth: most texts hold no digit and no announcing word."""
        ascii_only = plain.isascii()
        # Chinese text holds few other signs, and in those alone words are found ten times as fast.
        signs = plain.encode("ascii", "ignore").lower()
        digits = len(signs) - len(signs.translate(None, b"0123456789"))
        latin = signs.decode("ascii")
        for group in self._groups:
            if digits < group.digits or (group.beyond_ascii and ascii_only):
                continue
            if not group.worded:
                yield group
                continue
            for word in group.latin_words:
                if word in latin:
                    yield group
                    break
            else:
                for word in () if ascii_only else group.other_words:
                    if word in plain:
                        yield group
                        break

    def _announced(self, kind: PersonalKind, text: str) -> Iterator[Span]:
        """What a kind finds whose pattern begins with one of its words."""
        for match in _starts(kind, text):
            yield from self._span(kind, match)

    def _span(self, kind: PersonalKind, match: re.Match[str]) -> Iterator[Span]:
        named = "value" in kind.pattern.groupindex and match["value"] is not None
        candidate = Candidate(match.string, *match.span("value" if named else 0))
        confidence = kind.judge(candidate)
        if confidence >= self.minimum:
            yield Span(candidate.start, candidate.end, kind.name, confidence, kind.normal(candidate.value))


@dataclass(frozen=True, slots=True)
class _Group:
    """Kinds that are tried under the same conditions, at the same places."""

    hint: re.Pattern[str] | None
    reach: int
    latin_words: tuple[str, ...]
    other_words: tuple[str, ...]
    digits: int
    beyond_ascii: bool
    worded: bool
    kinds: tuple[PersonalKind, ...] = ()


def _grouped(members: Iterable[PersonalKind]) -> Iterator[_Group]:
    groups: dict[_Group, list[PersonalKind]] = {}
    for kind in members:
        words = tuple(word for word in kind.words if not any(other != word and other in word for other in kind.words))
        latin = tuple(word for word in words if word.isascii())
        other = tuple(word for word in words if not word.isascii())
        group = _Group(kind.hint, kind.reach, latin, other, kind.digits, kind.beyond_ascii, bool(words))
        groups.setdefault(group, []).append(kind)
    for group, alike in groups.items():
        yield replace(group, kinds=tuple(alike))


def _plain(text: str) -> str:
    """The text with full-width letters and digits made plain, at the same places."""
    return text if text.isascii() or not _WIDE.search(text) else text.translate(_PLAIN)


def usual() -> list[str]:
    """The kinds that are looked for where none is named."""
    return [name for name in kinds if kinds.load(name).usual]


def _starts(kind: PersonalKind, text: str) -> list[re.Match[str]]:
    small = text.lower()
    if len(small) != len(text):  # some capitals become two letters
        small = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
    found = []
    for word in kind.words:
        place = small.find(word)
        while place >= 0:
            if match := kind.pattern.match(text, place):
                found.append(match)
            place = small.find(word, place + len(word))
    return found


def _regions(text: str, hint: re.Pattern[str], reach: int) -> list[tuple[int, int]]:
    """Where it is worth looking: around each hint, overlaps joined; an end never cuts an ASCII word."""
    regions: list[tuple[int, int]] = []
    for match in hint.finditer(text):
        start, end = max(0, match.start() - reach), match.end() + reach
        if regions and end <= regions[-1][1]:
            continue
        end = _WORD_REST.match(text, min(end, len(text))).end()  # type: ignore[union-attr]
        if regions and start <= regions[-1][1]:
            regions[-1] = (regions[-1][0], end)
        else:
            regions.append((start, end))
    return regions


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
