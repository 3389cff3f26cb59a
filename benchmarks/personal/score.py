"""How well spans match what is true: per kind, with the look-alikes beside it.

found      a span of the kind, or of one that is the same to a reader, overlaps the value
exact      such a span has the value's own start and end
covered    no letter or digit of the value is left outside all spans, whatever their kinds: nothing leaks
precision  of the spans of the kind, those that overlap a true value of it; a value stands for several kinds where
           `SAME` says so (a foreign number that is written like a local one)
hit        look-alikes of the kind that a span of whatever kind overlaps
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from personal.generate import CHECKED, Item, Row

SAME = {
    **dict.fromkeys(("mobile", "landline", "phone"), "phone"),
    **dict.fromkeys(("id_card", "id_card_15"), "id_card"),
    **dict.fromkeys(("id_hong_kong", "id_taiwan", "id_hong_kong_taiwan"), "id_hong_kong_taiwan"),
    **dict.fromkeys(("address_zh", "address_en"), "address"),
    **dict.fromkeys(("person_name_zh", "person_name_en", "person_name_bare"), "person_name"),
}
"""Kinds that a reader does not tell apart, and what they are together."""
SHOWN = ("address", "person_name", "id_hong_kong_taiwan")
"""Of these, spans are counted together, as no true value says which of the finder's kinds it is."""


def same(kind: str) -> str:
    return SAME.get(kind, kind)


@dataclass
class Score:
    true: int = 0
    found: int = 0
    exact: int = 0
    covered: int = 0
    lookalikes: int = 0
    hit: int = 0
    spans: int = 0
    right: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


@dataclass
class Scores:
    """Scores by kind; `spans` and `right` stand under the kind that the finder named."""

    by_kind: dict[str, Score] = field(default_factory=dict)
    missed: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def of(self, kind: str) -> Score:
        return self.by_kind.setdefault(kind, Score())

    def checked(self) -> Score:
        """All kinds with a checksum together."""
        kinds = {*CHECKED, *map(same, CHECKED)}
        return sum((score for kind, score in self.by_kind.items() if kind in kinds), Score())


def judge(rows: Iterable[Row], answers: Iterable[Sequence[Item]], ignored: frozenset[str] = frozenset()) -> Scores:
    """Spans that overlap nothing but a true value of an `ignored` kind count neither as right nor as wrong."""
    scores = Scores()
    for row, spans in zip(rows, answers, strict=True):
        for item in row.items:
            if item.kind in ignored:
                continue
            score = scores.of(item.kind)
            near = [span for span in spans if span.start < item.end and item.start < span.end]
            like = [span for span in near if same(span.kind) == same(item.kind)]
            score.true += 1
            score.found += bool(like)
            score.exact += any((span.start, span.end) == (item.start, item.end) for span in like)
            score.covered += _covered(row.text, item, near)
            if not like:
                scores.missed.append((item.kind, _shown(row.text, item)))
        for item in row.lookalikes:
            score = scores.of(item.kind)
            score.lookalikes += 1
            score.hit += any(span.start < item.end and item.start < span.end for span in spans)
        for span in spans:
            near = [item for item in row.items if span.start < item.end and item.start < span.end]
            right = any(same(item.kind) == same(span.kind) for item in near)
            if not right and any(item.kind in ignored for item in near):
                continue
            score = scores.of(same(span.kind) if same(span.kind) in SHOWN else span.kind)
            score.spans += 1
            score.right += right
            if not right:
                scores.wrong.append((span.kind, _shown(row.text, span)))
    return scores


def _covered(text: str, item: Item, near: Sequence[Item]) -> bool:
    inside = {place for span in near for place in range(span.start, span.end)}
    return all(place in inside or not text[place].isalnum() for place in range(item.start, item.end))


def _shown(text: str, item: Item) -> str:
    before, after = text[max(0, item.start - 12) : item.start], text[item.end : item.end + 12]
    return f"{before}«{text[item.start : item.end][:80]}»{after}".replace("\n", "\\n")


def table(scores: Scores) -> list[str]:
    """A row per kind."""
    lines = [
        "| kind | true | found | exact | covered | look-alikes hit | spans | precision |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [_line(kind, scores.by_kind[kind]) for kind in sorted(scores.by_kind)]
    return [*lines, _line("**with a checksum**", scores.checked())] if scores.checked().true else lines


def beside(programs: Mapping[str, Scores]) -> list[str]:
    """A row per kind, found and precision of each program; a dash where a program never names the kind."""
    lines = ["| kind | true | " + " | ".join(programs) + " |", "| --- | ---: |" + " ---: |" * len(programs)]
    kinds = sorted({kind for scores in programs.values() for kind, score in scores.by_kind.items() if score.true})
    for kind in kinds:
        cells = [
            _pair(scores, [one for one in scores.by_kind if same(one) == same(kind)], kind)
            for scores in programs.values()
        ]
        true = max(scores.of(kind).true for scores in programs.values())
        lines.append(f"| {kind} | {true} | {' | '.join(cells)} |")
    if any(scores.checked().true for scores in programs.values()):
        cells = [_told(scores.checked(), scores.checked()) for scores in programs.values()]
        lines.append(f"| **with a checksum** | {next(iter(programs.values())).checked().true} | {' | '.join(cells)} |")
    return lines


def _pair(scores: Scores, alike: list[str], kind: str) -> str:
    own = scores.of(kind)
    return _told(own, own if own.spans else sum((scores.of(one) for one in alike), Score()))


def _told(own: Score, named: Score) -> str:
    return f"{_share(own.found, own.true)}, {_share(named.right, named.spans)}" if named.spans else "-"


def _line(kind: str, score: Score) -> str:
    cells = (
        kind,
        str(score.true),
        _share(score.found, score.true),
        _share(score.exact, score.true),
        _share(score.covered, score.true),
        _share(score.hit, score.lookalikes),
        str(score.spans),
        _share(score.right, score.spans),
    )
    return "| " + " | ".join(cells) + " |"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def commonest(pairs: Iterable[tuple[str, str]], count: int = 5) -> dict[str, list[str]]:
    """The first few examples of each kind."""
    kept: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    for kind, shown in pairs:
        seen[kind] += 1
        if seen[kind] <= count:
            kept.setdefault(kind, []).append(shown)
    return kept
