"""What each tag of a version is worth: how much of it there is, how good, how often used, and what it did to results.

records, splits    records that have the tag, in all and per split
grades             by the grade of the source; "" where it has none
mean_length        characters of a record
outcomes, reasons  what became of the source items that had the tag: kept, merged, dropped and rejected, and why
versions, models   where these records are used again: versions that hold them (with how many), models trained on them
results            the newest evaluation of each model that asked questions of the tag: tuned minus base, with a 95 %
                   interval.  It says how the model does on the tag, not that the tag's own records caused it; for that,
                   train without them and compare

A model counts where its version's train split holds a record of the tag.  A row that became no record has the tags of
its columns and its input alone, since rules look at records.  A million records in ten versions take nine seconds of
CPU, half of them for the versions.  Evaluations of classifiers keep only so many answers, the wrong ones first, so that
they count where they kept all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuneloop.records import DatasetVersion, Report
from tuneloop.scores.interval import of_difference
from tuneloop.store import Workspace, datasets, evaluations, models
from tuneloop.store.sources import sources

OUTCOMES = ("kept", "merged", "dropped", "rejected")

_TAGGED = """
    WITH items AS (SELECT record, source, item, unnest(tags) AS tag FROM origins WHERE tags IS NOT NULL),
    tagged AS (SELECT DISTINCT record, tag FROM items SEMI JOIN members USING (record))
"""


@dataclass(frozen=True)
class Lost:
    """How many items with a tag ended this way, for this reason, as a share of all of them."""

    outcome: str
    reason: str
    count: int
    share: float


@dataclass(frozen=True)
class TagResult:
    """One metric of one evaluation over the questions of a tag: means of base and tuned model, and the difference."""

    model: str
    evaluation: str
    measure: str
    metric: str
    questions: int
    base: float
    tuned: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class TagValue:
    """One tag; the fields are explained above."""

    tag: str
    records: int
    splits: Mapping[str, int]
    grades: Mapping[str, int]
    mean_length: float
    items: int
    outcomes: Mapping[str, int]
    reasons: tuple[Lost, ...]
    versions: Mapping[str, int]
    models: tuple[str, ...]
    results: tuple[TagResult, ...]

    @property
    def lost(self) -> float:
        """The share of items that became no record."""
        gone = self.outcomes["dropped"] + self.outcomes["rejected"]
        return gone / self.items if self.items else 0.0


def tag_values(ws: Workspace, version: DatasetVersion) -> list[TagValue]:
    """All tags of a version, those with the most records first; a tag whose items were all left out has none."""
    kinds = ("origins", "members", "records", "fates")
    ledgers = {kind: datasets.addresses(ws, version.name, kind) for kind in kinds}
    ledgers["origins"] = ws.ledgers.with_column(ledgers["origins"], "tags")
    rejected = _rejected(ws, version)
    if not ledgers["origins"]:
        return [_value(tag, (), {}, 0.0, [("rejected", "", count)], {}, (), ()) for tag, count in rejected.items()]
    amounts = _amounts(ws, ledgers)
    grades, ends = _grades(ws, ledgers), _ends(ws, ledgers)
    used = _used(ws, ledgers)
    trained = {one.name: one.dataset for one in models.models(ws) if one.dataset is not None}
    results = _results(ws, ledgers)
    found = []
    for tag in {**amounts, **ends, **rejected}:
        rows = amounts.get(tag, [])
        length = sum(row["length"] for row in rows) / max(sum(row["count"] for row in rows), 1)
        held = {name: sum(splits.values()) for name, splits in used.get(tag, {}).items()}
        own = tuple(name for name, data in trained.items() if used.get(tag, {}).get(data, {}).get("train"))
        lost = [*ends.get(tag, []), ("rejected", "", rejected.get(tag, 0))]
        splits = [(row["split"], row["count"]) for row in rows]
        found.append(_value(tag, splits, grades.get(tag, {}), length, lost, held, own, results.get(tag, ())))
    return sorted(found, key=lambda one: (-one.records, one.tag))


def _value(
    tag: str,
    splits: Sequence[tuple[str, int]],
    grades: Mapping[str, int],
    length: float,
    ends: Sequence[tuple[str, str, int]],
    versions: Mapping[str, int],
    trained: Sequence[str],
    results: Sequence[TagResult],
) -> TagValue:
    items = sum(count for _, _, count in ends)
    return TagValue(
        tag=tag,
        records=sum(count for _, count in splits),
        splits=dict(splits),
        grades=dict(grades),
        mean_length=round(length, 1),
        items=items,
        outcomes={name: sum(count for outcome, _, count in ends if outcome == name) for name in OUTCOMES},
        reasons=tuple(
            Lost(outcome, reason, count, count / items)
            for outcome, reason, count in sorted(ends, key=lambda one: -one[2])
            if outcome != "kept" and count
        ),
        versions=dict(versions),
        models=tuple(trained),
        results=tuple(results),
    )


def _amounts(ws: Workspace, ledgers: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, Any]]]:
    """Records and characters of each tag, per split."""
    query = f"""{_TAGGED}
        SELECT t.tag, m.split, count(*) AS count, sum(r.length)::BIGINT AS length
        FROM tagged t JOIN members m USING (record)
        JOIN (SELECT {_once(ledgers["records"], "id")} id, length FROM records) r ON r.id = t.record
        GROUP BY ALL ORDER BY ALL
    """
    used = {kind: ledgers[kind] for kind in ("origins", "members", "records")}
    return _by_tag(ws.ledgers.query(query, **used).to_pylist())


def _grades(ws: Workspace, ledgers: Mapping[str, Sequence[str]]) -> dict[str, dict[str, int]]:
    """Records of each tag by the grade of a source that gave it to them."""
    graded = {one.id: one.grade or "" for one in sources(ws)}
    query = f"""{_TAGGED}
        SELECT tag, grade, count(*) AS count FROM (
            SELECT DISTINCT i.record, i.tag, coalesce(s.grade, '') AS grade
            FROM items i SEMI JOIN members USING (record)
            LEFT JOIN (SELECT unnest(?) AS source, unnest(?) AS grade) s ON s.source = i.source
        ) GROUP BY ALL ORDER BY ALL
    """
    values = [list(graded), list(graded.values())]
    rows = _by_tag(ws.ledgers.query(query, values, origins=ledgers["origins"], members=ledgers["members"]).to_pylist())
    return {tag: {row["grade"]: row["count"] for row in own} for tag, own in rows.items()}


def _ends(ws: Workspace, ledgers: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, str, int]]]:
    """(outcome, reason, items) of each tag, but for rejected rows, which have no origin."""
    distinct = "DISTINCT" if len(ledgers["origins"]) > 1 else ""
    query = f"""
        SELECT i.tag, f.outcome, f.reason, count(*) AS count
        FROM (SELECT {distinct} source, item, unnest(tags) AS tag FROM origins WHERE tags IS NOT NULL) i
        JOIN (SELECT {_once(ledgers["fates"], "source, item")} source, item, outcome, reason FROM fates) f
        USING (source, item) GROUP BY ALL ORDER BY ALL
    """
    rows = _by_tag(ws.ledgers.query(query, origins=ledgers["origins"], fates=ledgers["fates"]).to_pylist())
    return {tag: [(row["outcome"], row["reason"], row["count"]) for row in own] for tag, own in rows.items()}


def _rejected(ws: Workspace, version: DatasetVersion) -> Counter[str]:
    """Rows with each tag that could not be read, in the version and those that it was made of."""
    known = {one.name: one for one in datasets.versions(ws)}
    by_id = {one.id: one for one in known.values()}
    found: Counter[str] = Counter()
    wanted: list[DatasetVersion | None] = [version]
    seen: set[str] = set()
    while wanted:
        one = wanted.pop()
        if one is None or one.name in seen:
            continue
        seen.add(one.name)
        found.update((one.report.get("tags") or {}).get("rejected", {}))
        parent = known.get(one.parent or "")
        if parent is not None and "forgotten" in one.report:  # its report is a copy of the parent's
            seen.add(parent.name)
            parent = known.get(parent.parent or "")
        wanted += [by_id.get(identity) for identity in one.pipeline.get("merged", ())] or [parent]
    return found


def _used(ws: Workspace, ledgers: Mapping[str, Sequence[str]]) -> dict[str, dict[str, dict[str, int]]]:
    """tag → version → split → records: where the version's records of a tag are members."""
    every = {one.name: datasets.addresses(ws, one.name, "members") for one in datasets.versions(ws)}
    tables = {f"v{number}": members for number, members in enumerate(every.values()) if members}
    union = " UNION ALL ".join(f"SELECT '{table}' AS version, record, split FROM {table}" for table in tables)
    query = f"""{_TAGGED}
        SELECT t.tag, v.version, v.split, count(*) AS count FROM ({union}) v JOIN tagged t USING (record)
        GROUP BY ALL ORDER BY ALL
    """
    rows = ws.ledgers.query(query, origins=ledgers["origins"], members=ledgers["members"], **tables).to_pylist()
    names = {f"v{number}": name for number, name in enumerate(every)}
    order = {name: place for place, name in enumerate(every)}
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: order[names[row["version"]]]):
        found[row["tag"]].setdefault(names[row["version"]], {})[row["split"]] = row["count"]
    return found


def _results(ws: Workspace, ledgers: Mapping[str, Sequence[str]]) -> dict[str, list[TagResult]]:
    """Of each tag, the newest evaluation of each model that asked about it."""
    reports = evaluations.evaluations(ws)[::-1]
    scores = {report.name: list(_scores(report)) for report in reports}
    asked = sorted({record for rows in scores.values() for record, *_ in rows})
    if not asked:
        return {}
    query = f"{_TAGGED} SELECT record, tag FROM tagged WHERE record IN (SELECT unnest(?))"
    tags: dict[str, list[str]] = defaultdict(list)
    for row in ws.ledgers.query(query, [asked], origins=ledgers["origins"], members=ledgers["members"]).to_pylist():
        tags[row["record"]].append(row["tag"])
    found: dict[str, list[TagResult]] = defaultdict(list)
    done: set[tuple[str, str]] = set()
    for report in reports:
        pairs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for record, metric, base, tuned in scores[report.name]:
            for tag in tags.get(record, ()):
                pairs[tag, metric].append((base, tuned))
        for (tag, metric), own in pairs.items():
            if (report.model, tag) not in done:
                found[tag].append(_result(report, metric, own))
        done.update((report.model, tag) for tag, _ in pairs)
    return found


def _scores(report: Report) -> Iterator[tuple[str, str, float, float]]:
    """(record, metric, base, tuned) of each answer."""
    whole = len(report.answers) == report.metrics.get("counts", {}).get("questions")
    for answer in report.answers:
        if "scores" in answer:
            for metric, tuned in answer["scores"].get("tuned", {}).items():
                yield answer["record"], metric, float(answer["scores"]["base"][metric]), float(tuned)
        elif whole and "probability" in answer:
            base, tuned = (float(answer[arm] == answer["reference"]) for arm in ("base", "tuned"))
            yield answer["record"], "accuracy", base, tuned


def _result(report: Report, metric: str, pairs: Sequence[tuple[float, float]]) -> TagResult:
    before, after = [base for base, _ in pairs], [tuned for _, tuned in pairs]
    change = of_difference(after, before)
    return TagResult(
        model=report.model,
        evaluation=report.name,
        measure=report.measure,
        metric=metric,
        questions=len(pairs),
        base=sum(before) / len(before),
        tuned=sum(after) / len(after),
        difference=change.mean,
        low=change.low,
        high=change.high,
    )


def _once(ledgers: Sequence[str], key: str) -> str:
    """One ledger names each key once; several may repeat it, and looking for repeats among 1M takes seconds."""
    return f"DISTINCT ON ({key})" if len(ledgers) > 1 else ""


def _by_tag(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["tag"]].append(row)
    return found
