"""What a review says of a dataset version: for each dimension the rate with its interval, and whether it is enough.

A record's verdict is the mean of what the people said who judged it.  Rates are weighted back to the strata
(`scores/stratified.py`); a dimension is accepted when the whole interval is at or above the least, rejected when all of
it is below, and undecided else, with how many records more would decide it at the present rate.  Rules have looked at
every record, so their rate has no interval.  What judges (models) say stands beside, with how often people agree with
it, and decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

from tuneloop.errors import UsageError
from tuneloop.scores.interval import Interval
from tuneloop.scores.standard import Dimension, Standard
from tuneloop.scores.standing import read_kept
from tuneloop.scores.stratified import Stratum, of_group, of_strata, wanted
from tuneloop.store import Workspace
from tuneloop.store.reviews import Review, ReviewItem, Verdict, items_of, verdicts_on
from tuneloop.store.standards import standard_named
from tuneloop.wording import Words

Decision = Literal["accepted", "rejected", "undecided", "unseen"]
WANTED_HALF = 0.05
"""Half the width of an interval that a review aims at, on the scale from 0 to 1."""
FIVE = 4
"""Points from the lowest of 1 to 5 to the highest."""
SURE = {
    "accepted": Words(
        "enough: {rate} ({low} to {high}), least {least}", "达标：{rate}（{low} 至 {high}），下限 {least}"
    ),
    "rejected": Words(
        "not enough: {rate} ({low} to {high}), least {least}", "未达标：{rate}（{low} 至 {high}），下限 {least}"
    ),
    "undecided": Words(
        "not decided: {rate} ({low} to {high}), least {least}; {more}",
        "尚不能判定：{rate}（{low} 至 {high}），下限 {least}；{more}",
    ),
    "unseen": Words("not reviewed yet; least {least}", "尚未评审；下限 {least}"),
}
RULED = Words(
    "{faults} of {records} records fail; least {least}", "{records} 条记录中有 {faults} 条不合格；下限 {least}"
)
MORE = Words("about {count} more records would decide it", "再评审约 {count} 条可判定")
NEAR = Words("the rate is too close to the least for any sample to decide", "通过率与下限太接近，抽样无法判定")
REST = Words("{count} strata have not been looked at", "还有 {count} 层没有评审")


@dataclass(frozen=True)
class Judged:
    """What was said in one dimension, on its own scale (shares, or 1 to 5).

    `more` records would be needed for an interval of ±`half`; `to_decide` at the present rate to decide (None: any
    number, or decided).  `groups[by][value]` are rates of tags, sources, languages and kinds.  `agreement` is the share
    of pairs of verdicts of two people on one record that are equal; `judge` what models said, `judge_agreement` how
    often they said what the people's mean says (within half a point of five).
    """

    name: str
    title: Words
    scale: str
    least: float
    rule: str | None
    decision: Decision
    rate: Interval | None
    sentence: Words
    more: int = 0
    half: float = WANTED_HALF
    to_decide: int | None = None
    groups: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    agreement: float | None = None
    pairs: int = 0
    judge: Interval | None = None
    judge_agreement: float | None = None


@dataclass(frozen=True)
class ReviewResult:
    """`reviewed` of `sampled` records have a verdict; `all` is the share that pass in every judged dimension."""

    review: str
    standard: str
    dataset: str
    records: int
    sampled: int
    reviewed: int
    people: tuple[str, ...]
    decision: Decision
    all: Interval | None
    dimensions: tuple[Judged, ...]


def result(ws: Workspace, one: Review, *, half: float = WANTED_HALF) -> ReviewResult:
    """Everything that is known of a review's version by its standard; `half` is the half-width that is aimed at."""
    if not 0 < half < 0.5:
        raise UsageError(f"found a half-width of {half:g}", expected="one between 0 and 0.5, such as 0.05")
    standard = read_kept(standard_named(ws, one.standard))
    items = items_of(ws, one.name)
    held = verdicts_on(ws, one.standard, [item.record for item in items])
    made = [
        _ruled(name, dimension, one.asked["rules"][name])
        if dimension.rule is not None
        else _judged(name, dimension, one, items, [verdict for verdict in held if verdict.dimension == name], half)
        for name, dimension in standard.dimensions.items()
    ]
    people = [verdict for verdict in held if verdict.kind == "person"]
    return ReviewResult(
        review=one.name,
        standard=one.standard,
        dataset=one.dataset,
        records=int(one.asked["records"]),
        sampled=len(items),
        reviewed=len({verdict.record for verdict in people}),
        people=tuple(sorted({verdict.person for verdict in people})),
        decision=_together([single.decision for single in made]),
        all=_all(standard, one, items, people),
        dimensions=tuple(made),
    )


def _together(decisions: Sequence[Decision]) -> Decision:
    for worst in ("rejected", "unseen", "undecided"):
        if worst in decisions:
            return worst
    return "accepted"


def _means(verdicts: Sequence[Verdict], dimension: Dimension, kind: str) -> dict[str, float]:
    """The mean from 0 to 1 of each record that people, or judges, have judged."""
    found: dict[str, list[float]] = defaultdict(list)
    for one in verdicts:
        if one.kind == kind:
            found[one.record].append(dimension.unit(one.value))
    return {record: sum(values) / len(values) for record, values in found.items()}


def _judged(
    name: str, dimension: Dimension, one: Review, items: Sequence[ReviewItem], verdicts: Sequence[Verdict], half: float
) -> Judged:
    said = _means(verdicts, dimension, "person")
    strata = _strata(one, items, said)
    judge = _means(verdicts, dimension, "judge")
    rate = of_strata(strata)
    seen = len(said)
    least = dimension.unit(dimension.least)
    decision = _decide(rate, least, any(not stratum.values for stratum in strata))
    to_decide = None
    if decision == "undecided" and rate is not None and abs(rate.mean - least) > 0.005:
        to_decide = max(1, wanted(strata, abs(rate.mean - least)) - seen)
    agreement, pairs = _agreement(verdicts)
    return Judged(
        name=name,
        title=dimension.title.words,
        scale=dimension.scale,
        least=dimension.least,
        rule=None,
        decision=decision,
        rate=_told(rate, dimension),
        sentence=_sentence(decision, rate, dimension, strata, to_decide),
        more=max(0, wanted(strata, half) - seen),
        half=half if dimension.scale == "pass" else FIVE * half,
        to_decide=to_decide,
        groups=_groups(one, items, said, dimension),
        agreement=agreement,
        pairs=pairs,
        judge=_told(of_strata(_strata(one, items, judge)), dimension),
        judge_agreement=_with_judge(said, judge, dimension),
    )


def _decide(rate: Interval | None, least: float, missing: bool) -> Decision:
    if rate is None:
        return "unseen"
    if missing:
        return "undecided"
    return "accepted" if rate.low >= least else "rejected" if rate.high < least else "undecided"


def _strata(one: Review, items: Sequence[ReviewItem], said: Mapping[str, float]) -> list[Stratum]:
    values: dict[str, list[float]] = {name: [] for name in one.strata}
    for item in items:
        if item.record in said:
            values[item.stratum].append(said[item.record])
    return [Stratum(size, values[name]) for name, size in one.strata.items()]


def _groups(
    one: Review, items: Sequence[ReviewItem], said: Mapping[str, float], dimension: Dimension
) -> dict[str, dict[str, Interval]]:
    """Rates of tags, sources, languages and kinds, where there are several."""
    counts: dict[str, int] = defaultdict(int)
    for item in items:
        counts[item.stratum] += item.record in said
    values: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for item in items:
        if item.record in said:
            pair = said[item.record], one.strata[item.stratum] / counts[item.stratum]
            for by, named in item.groups.items():
                for value in named:
                    values.setdefault(by, {}).setdefault(value, []).append(pair)
    return {
        by: {value: _sure(of_group(*zip(*pairs, strict=True)), dimension) for value, pairs in sorted(several.items())}
        for by, several in values.items()
        if len(several) > 1
    }


def _all(standard: Standard, one: Review, items: Sequence[ReviewItem], people: Sequence[Verdict]) -> Interval | None:
    """The share of records that pass every dimension, of those that were judged in all: 1 to 5 passes at the least."""
    means = {
        name: _means([verdict for verdict in people if verdict.dimension == name], dimension, "person")
        for name, dimension in standard.judged.items()
    }
    whole = set.intersection(*(set(one) for one in means.values())) if means else set()
    passed: dict[str, float] = {}
    for record in whole:
        enough = (
            means[name][record] > 0.5
            if dimension.scale == "pass"
            else means[name][record] >= dimension.unit(dimension.least)
            for name, dimension in standard.judged.items()
        )
        passed[record] = float(all(enough))
    return of_strata(_strata(one, items, passed))


def _agreement(verdicts: Sequence[Verdict]) -> tuple[float | None, int]:
    """Equal among the pairs of verdicts of two people on one record."""
    said: dict[str, list[float]] = defaultdict(list)
    for one in verdicts:
        if one.kind == "person":
            said[one.record].append(one.value)
    pairs = [pair for values in said.values() for pair in combinations(values, 2)]
    return (sum(one == two for one, two in pairs) / len(pairs) if pairs else None), len(pairs)


def _with_judge(said: Mapping[str, float], judge: Mapping[str, float], dimension: Dimension) -> float | None:
    both = said.keys() & judge.keys()
    if not both:
        return None
    if dimension.scale == "pass":
        return sum((said[one] > 0.5) == (judge[one] > 0.5) for one in both) / len(both)
    return sum(abs(said[one] - judge[one]) <= 0.125 for one in both) / len(both)


def _ruled(name: str, dimension: Dimension, found: Mapping[str, Any]) -> Judged:
    faults, records = found["all"]
    share = _exact(faults, records)
    groups = {
        by: {value: _exact(*pair) for value, pair in several.items()}
        for by, several in found["groups"].items()
        if len(several) > 1
    }
    return Judged(
        name=name,
        title=dimension.title.words,
        scale=dimension.scale,
        least=dimension.least,
        rule=dimension.rule,
        decision="accepted" if share.mean >= dimension.least else "rejected",
        rate=share,
        sentence=RULED.format(faults=f"{faults:,}", records=f"{records:,}", least=_number(dimension, dimension.least)),
        groups=groups,
    )


def _exact(faults: int, records: int) -> Interval:
    share = 1 - faults / records if records else 1.0
    return Interval(share, share, share, records)


def _told(rate: Interval | None, dimension: Dimension) -> Interval | None:
    return None if rate is None else _sure(rate, dimension)


def _sure(rate: Interval, dimension: Dimension) -> Interval:
    return Interval(dimension.told(rate.mean), dimension.told(rate.low), dimension.told(rate.high), rate.count)


def _sentence(
    decision: Decision, rate: Interval | None, dimension: Dimension, strata: Sequence[Stratum], to_decide: int | None
) -> Words:
    least = _number(dimension, dimension.least)
    if rate is None:
        return SURE["unseen"].format(least=least)
    unseen = sum(not one.values for one in strata)
    more = REST.format(count=unseen) if unseen else MORE.format(count=f"{to_decide:,}") if to_decide else NEAR
    ends = {name: _number(dimension, dimension.told(getattr(rate, name))) for name in ("low", "high")}
    return SURE[decision].format(rate=_number(dimension, dimension.told(rate.mean)), least=least, more=more, **ends)


def _number(dimension: Dimension, value: float) -> str:
    return f"{100 * value:.1f} %" if dimension.scale == "pass" else f"{value:.2f}"
