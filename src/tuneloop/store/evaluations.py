"""Evaluations: reports over a model and its base, kept as rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import insert, select

from tuneloop.records.canonical import canonical
from tuneloop.records.results import Report
from tuneloop.store.database import clock
from tuneloop.store.datasets import Fence
from tuneloop.store.numbered import numbered
from tuneloop.store.reference import NEWEST, find
from tuneloop.store.tables import created_text, next_number
from tuneloop.store.tables import evaluations as table
from tuneloop.store.workspace import Workspace


def add_evaluation(
    ws: Workspace,
    *,
    model: str,
    base: str,
    measure: Literal["generalization", "recall"],
    metrics: Mapping[str, Mapping[str, float]],
    answers: Sequence[Mapping[str, Any]] = (),
    dataset: str | None = None,
    page: Path | None = None,
    scenario: str = "main",
    run: str | None = None,
    fence: Fence | None = None,
) -> Report:
    """Keep a report under the next name; `page` lies in the workspace and is whole."""
    content = {"model": model, "base": base, "metrics": metrics, "answers": list(answers)}
    identity = "e1:" + hashlib.sha256(canonical(content)).hexdigest()
    with ws.db.write(durable=True) as connection:
        if fence is not None:
            fence(connection)
        number = next_number(connection, "eval")
        row = {
            "name": f"eval-{number}",
            "number": number,
            "id": identity,
            "scenario": scenario,
            "created": clock(connection),
            "run": run,
            "model": model,
            "base": base,
            "dataset": dataset,
            "measure": measure,
            "metrics": {arm: dict(values) for arm, values in metrics.items()},
            "answers": [dict(answer) for answer in answers],
            "page": ws.relative(page) if page is not None else None,
        }
        connection.execute(insert(table).values(row))
    return _report(row)


def evaluation(ws: Workspace, reference: str = NEWEST, scenario: str | None = None) -> Report:
    """A report by its name (`eval-2`), by its id or the start of it, or the newest one."""
    make = "Make one with: tuneloop evaluate"
    return _report(find(ws.db, table, reference, what="evaluation", make=make, scenario=scenario))


def evaluations(
    ws: Workspace,
    model: str | None = None,
    scenario: str | None = None,
    *,
    below: int | None = None,
    limit: int | None = None,
) -> list[Report]:
    """All reports, or those of one model, oldest first; or the newest `limit` with a number below `below`."""
    query = select(table)
    if model is not None:
        query = query.where(table.c.model == model)
    if scenario is not None:
        query = query.where(table.c.scenario == scenario)
    with ws.db.read() as connection:
        return [_report(row) for row in numbered(connection, query, table.c.number, below, limit)]


def _report(row: Mapping[Any, Any]) -> Report:
    return Report(
        id=row["id"],
        name=row["name"],
        scenario=row["scenario"],
        created=created_text(row["created"]),
        run=row["run"],
        model=row["model"],
        base=row["base"],
        dataset=row["dataset"],
        measure=row["measure"],
        metrics=row["metrics"],
        answers=tuple(row["answers"]),
        page=row["page"],
    )
