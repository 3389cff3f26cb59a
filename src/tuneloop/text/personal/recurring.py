"""The names of people that were found once, wherever else they stand in texts that belong together.

A name that words announce (我叫李雷, *My name is John Smith*) comes back without them: whole, by its given name
(*Thanks, John*), or by its surname and a title (李先生, *Mr. Smith*) where one person here has that surname.  All of
them are that person: they get the kind and the normal form of the whole name.

A Latin name is whole words.  A given name that is a word as well (*Will*, *Grace*), and a single word of which nothing
but its announcement says that it is a name, are only taken where a person is spoken to or of (*Hi Will*, *Will's*).
Chinese knows no boundaries of words: 李雷 in 李雷雷 is another name, and the longest name that was found wins.

Not covered: nicknames, surnames alone, Chinese given names but before 您好 and titles, other spellings (拼音).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tuneloop.text.personal.kinds.person_name_zh import MEN, ROLES
from tuneloop.text.personal.names import DOUBLE_SURNAMES, GIVEN_EN, NOT_NAMES_EN, WORDS_TOO_EN
from tuneloop.text.personal.span import Span

MOST = 64
"""Names that are followed up; a list of more is no talk about people."""

_LETTER = "A-Za-z0-9_\u00c0-\u024f"
_OPEN, _SHUT = f"(?<![{_LETTER}])(?<![{_LETTER}]['’-])", f"(?![{_LETTER}])(?!['’-](?!s\\b)[{_LETTER}])"
_NEXT = re.compile("(?: [A-Z]\\.?)? ([A-Z\u00c0-\u00de][a-z\u00df-\u024f]+)")
_BEFORE = re.compile("([A-Z][a-z]+) $")
_HAILED = (
    "(?i:hi|hello|hey|dear|thanks|thank you|welcome|sorry|bye|mrs?\\.?|ms\\.?|dr\\.?|regards|sincerely|cheers)"
    ",?\\s{1,2}"
)
_TALKS = " (?:said|says|asked|asks|told|tells|wrote|writes|called|calls|replied|replies|answered)\\b"
_TITLE = "(?i:mr|mrs|ms|miss|dr|prof|professor)\\.? "
_MAY_STAND_BEFORE = "的是给和跟与向对让叫找问谢到把被由为说诉请好位了在致敬爱老小阿同帮替等见您你"
_TITLES_ZH = f"{MEN}|{ROLES}|总"


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to write a known name; `sign` must stand in a text for the pattern to be tried."""

    pattern: re.Pattern[str]
    sign: str
    name: Span
    alone: bool = False


def everywhere(texts: Sequence[str], found: Sequence[Sequence[Span]], kinds: frozenset[str]) -> list[list[Span]]:
    """The spans of each text with those of the names (the spans of these `kinds`) wherever they come back."""
    spans = [span for several in found for span in several if span.kind in kinds]
    names: dict[str, Span] = {}
    for span in sorted(spans, key=lambda span: -span.confidence):
        names.setdefault(_key(span.normal), span)
    whole = {key: _whole(key, names) for key in names}
    ways = list(_ways(list({id(one): one for one in whole.values()}.values())[:MOST], texts))
    results = []
    for text, known in zip(texts, found, strict=True):
        own = [_as(span, whole[_key(span.normal)]) if span.kind in kinds else span for span in known]
        again = [span for way in ways if way.sign in text or way.sign in text.lower() for span in _places(way, text)]
        results.append(_merged(own, again, kinds) if again else own)
    return results


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _whole(key: str, names: dict[str, Span]) -> Span:
    """The whole name that a single word is the given name or surname of, where it is one."""
    if " " in key or not key.isascii():
        return names[key]
    longer = [span for other, span in names.items() if " " in other and key in (other.split()[0], other.split()[-1])]
    return longer[0] if len(longer) == 1 else names[key]


def _as(span: Span, name: Span) -> Span:
    return Span(span.start, span.end, name.kind, span.confidence, name.normal)


def _ways(names: Sequence[Span], texts: Sequence[str]) -> Iterator[_Way]:
    for name in names:
        written = " ".join(name.normal.split())
        if "\u4e00" <= written[0] <= "\u9fff":
            yield from _chinese(name, written, names)
        else:
            yield from _latin(name, written, names, texts)


def _chinese(name: Span, written: str, names: Sequence[Span]) -> Iterator[_Way]:
    yield _Way(re.compile(f"{re.escape(written)}(?!{re.escape(written[-1])})"), written, name)
    surname = written[:2] if written[:2] in DOUBLE_SURNAMES else written[:1]
    given = written[len(surname) :]
    if sum(other.normal.startswith(surname) for other in names) == 1:
        before = f"(?:(?<![\u4e00-\u9fff])|(?<=[{_MAY_STAND_BEFORE}]))"
        yield _Way(re.compile(f"{before}{surname}(?={_TITLES_ZH})"), surname, name)
    if len(given) == 2:
        yield _Way(re.compile(f"(?<![\u4e00-\u9fff]){re.escape(given)}(?=您好|你好|{_TITLES_ZH})"), given, name)


def _latin(name: Span, written: str, names: Sequence[Span], texts: Sequence[str]) -> Iterator[_Way]:
    parts = written.split()
    if len(parts) > 1:
        yield _Way(
            re.compile(_OPEN + r"\s+".join(map(re.escape, parts)) + _SHUT, re.IGNORECASE), parts[0].lower(), name
        )
        last = parts[-1]
        if sum(other.normal.split()[-1] == last for other in names) == 1:
            yield _Way(re.compile(f"{_OPEN}{_TITLE}(?P<value>{re.escape(last)}){_SHUT}"), last, name)
    first = parts[0]
    if len(first) < 2 or sum(other.normal.split()[0] == first for other in names) > 1:
        return
    known = first in GIVEN_EN
    in_small = not known and re.search(f"{_OPEN}{re.escape(first.lower())}{_SHUT}", "\n".join(texts))
    value = f"(?P<value>{re.escape(first)})"
    if first in WORDS_TOO_EN or in_small or (len(parts) == 1 and not known):
        ways = (f"{_OPEN}{_HAILED}{value}{_SHUT}", f"{_OPEN}{value}(?=['’]s|{_TALKS})", f", {value}(?=[.!?,\n]|$)",
                f"^{value}(?=[,:!]|\\s*$)")  # fmt: skip
        for way in ways:
            yield _Way(re.compile(way, re.MULTILINE), first, name)
        return
    yield _Way(re.compile(f"{_OPEN}{value}{_SHUT}"), first, name, alone=True)


def _places(way: _Way, text: str) -> Iterator[Span]:
    """Where it stands; not as a part of the name of somebody else (*John Deere*, *David John*)."""
    for match in way.pattern.finditer(text):
        start, end = match.span("value" if "value" in way.pattern.groupindex else 0)
        if way.alone:
            after, before = _NEXT.match(text, end), _BEFORE.search(text, max(0, start - 24), start)
            if (after and after[1] not in NOT_NAMES_EN and after[1] not in way.name.normal.split()) or (
                before and before[1] in GIVEN_EN
            ):
                continue
        yield Span(start, end, way.name.kind, way.name.confidence, way.name.normal)


def _merged(found: Iterable[Span], again: Iterable[Span], kinds: frozenset[str]) -> list[Span]:
    """What was found stays, unless it is a name inside a longer one; of names that overlap the longest stays."""
    kept = sorted(found, key=lambda span: span.start)
    for span in sorted(again, key=lambda span: span.start - span.end):
        over = [one for one in kept if one.start < span.end and span.start < one.end]
        if all(one.kind in kinds and span.start <= one.start and one.end <= span.end for one in over) and (
            not over or span.end - span.start > max(one.end - one.start for one in over)
        ):
            kept = [one for one in kept if one not in over]
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)
