"""The way of one record, back to its sources and forward to what was made of it.

back       every place it came from, and each edit with the record before it
forward    the versions that hold it, the models trained on those, and the results of their evaluations
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuneloop.errors import NotFoundError
from tuneloop.prepare import browsing, versions
from tuneloop.prepare.batches import to_record
from tuneloop.prepare.originals import opened
from tuneloop.prepare.rewrite import rewrite
from tuneloop.records import Origin, Report
from tuneloop.store import Workspace, datasets, evaluations, models
from tuneloop.text.personal.hiding import hide


@dataclass(frozen=True)
class Edit:
    """`step` put `record` in the place of `parent`; `before` is None where the original was not kept or is locked.

    In the `before` of a sealed one personal data is hidden: whoever may read data may read that.  The values are given
    out by `revealing` alone.
    """

    record: str
    parent: str
    step: str
    reason: str
    before: dict[str, Any] | None
    sealed: bool


@dataclass(frozen=True)
class Result:
    """One evaluation of a model that was trained on the record."""

    evaluation: str
    model: str
    measure: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class Passport:
    """`versions` oldest first, each with the split in which it holds the record."""

    record: str
    payload: dict[str, Any]
    origins: list[Origin]
    edits: list[Edit]
    versions: dict[str, str]
    models: list[str]
    results: list[Result]


def passport(ws: Workspace, record: str) -> Passport:
    """Everything that is known of a record of any version; raises `NotFoundError`."""
    names = datasets.splits_with(ws, record)
    if not names:
        raise NotFoundError(f"no version holds the record {record!r}", do="List records with tuneloop preview")
    newest = datasets.version(ws, list(names)[-1])
    trained = [one for one in models.models(ws) if one.dataset in names and names[one.dataset] == "train"]
    return Passport(
        record=record,
        payload=browsing.entry(ws, newest, record).payload,
        origins=versions.origins_of(ws, newest, record),
        edits=_edits(ws, newest.name, record),
        versions=names,
        models=[one.name for one in trained],
        results=_results(ws, [one.name for one in trained]),
    )


def _edits(ws: Workspace, version: str, record: str) -> list[Edit]:
    """The last edit first."""
    ledgers = datasets.addresses(ws, version, "changes")
    found: list[Edit] = []
    wanted, seen = [record], {record}
    while wanted and ledgers:
        query = "SELECT DISTINCT * FROM changes WHERE record IN (SELECT unnest(?)) AND parent != record ORDER BY parent"
        rows = ws.ledgers.query(query, [wanted], changes=ledgers).to_pylist()
        for row in rows:
            before = opened(ws, row["parent"], row["sealed"], row["before"])
            original = None if before is None else to_record(before)
            if original is not None and row["sealed"]:
                original = rewrite(original, hide, numbers=True)
            shown = None if original is None else original.payload()
            found.append(Edit(row["record"], row["parent"], row["step"], row["reason"], shown, row["sealed"]))
        wanted = [row["parent"] for row in rows if row["parent"] not in seen]
        seen.update(wanted)
    return found


def _results(ws: Workspace, trained: list[str]) -> list[Result]:
    """The evaluations of some models, in the order of the models."""
    reports: dict[str, list[Report]] = {name: [] for name in trained}
    for report in evaluations.evaluations(ws) if trained else ():
        if report.model in reports:
            reports[report.model].append(report)
    return [Result(one.name, one.model, one.measure, one.metrics) for own in reports.values() for one in own]
