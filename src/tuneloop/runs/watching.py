"""Looking at runs: what there is, what happened, and the curves.  Nothing here writes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import and_, or_, select

from tuneloop.errors import NotFoundError
from tuneloop.runs.claiming import left_alone, unknown
from tuneloop.runs.run import ACTIVE, FINISHED, Event, Metric, Run, run_of
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, run_events, runs
from tuneloop.store.tables import metrics as metrics_table

NEWEST = "newest"
POLL_SECONDS = 0.2


def show(ws: Workspace, run_id: str = NEWEST) -> Run:
    """A run as it stands now; `newest` is the one submitted last."""
    with ws.db.read() as connection:
        query = select(runs).where(runs.c.id == run_id)
        if run_id == NEWEST:
            query = select(runs).order_by(runs.c.number.desc()).limit(1)
        row = connection.execute(query).mappings().first()
        if row is not None:
            return run_of(row, left_alone(row, clock(connection)))
        if run_id == NEWEST:
            raise NotFoundError("there is no run yet", do="Start one with: tuneloop train")
        raise unknown(connection, run_id)


def list(
    ws: Workspace,
    kind: str | None = None,
    states: Sequence[str] | None = None,
    scenario: str | None = None,
    *,
    below: int | None = None,
    limit: int | None = None,
) -> Sequence[Run]:
    """Runs, newest first: those with a number below `below`, at most `limit`."""
    query = select(runs).order_by(runs.c.number.desc())
    if below is not None:
        query = query.where(runs.c.number < below)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if scenario is not None:
        query = query.where(runs.c.scenario == scenario)
    if states is not None:
        # An active row that was left alone shows another state.
        query = query.where(runs.c.state.in_({*states, *ACTIVE}))
    elif limit is not None:
        query = query.limit(limit)
    with ws.db.read() as connection:
        now = clock(connection)
        every = (run_of(row, left_alone(row, now)) for row in connection.execute(query).mappings())
        return [*islice((run for run in every if states is None or run.state in states), limit)]


def deaf(ws: Workspace, seconds: float) -> Sequence[Run]:
    """Runs in processes of their own that were asked to cancel over `seconds` ago and go on.

    One with a result is past what could be cancelled, and clears up.
    """
    asked = select(run_events.c.run).where(run_events.c.kind == "cancelling")
    with ws.db.read() as connection:
        now = clock(connection)
        query = select(runs).where(
            runs.c.state == "cancelling", ~runs.c.here, runs.c.id.in_(asked.where(run_events.c.time < now - seconds))
        )
        found = [run_of(row, left_alone(row, now)) for row in connection.execute(query).mappings()]
    return [run for run in found if run.active and run.result is None]


def events(ws: Workspace, run_id: str, after: int = 0, follow: bool = False) -> Iterator[Event]:
    """The events numbered above `after`; `follow` waits for more until the run has ended or its process is gone."""
    columns = run_events.c
    while True:
        run = show(ws, run_id)
        query = select(run_events).where(columns.run == run.id, columns.number > after).order_by(columns.number)
        with ws.db.read() as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            after = row["number"]
            yield Event(after, created_text(row["time"]), row["kind"], row["data"])
        if not follow or run.interrupted or run.state in (*FINISHED, "paused"):
            return
        time.sleep(POLL_SECONDS)


def metrics(
    ws: Workspace,
    run_id: str,
    names: Sequence[str] | None = None,
    after: int = -1,
    *,
    behind: str | None = None,
    limit: int | None = None,
) -> Sequence[Metric]:
    """The points of a run's curves with a step above `after`, by step and name, at most `limit`.

    With `behind` also those of the step `after` itself whose name comes behind this one.
    """
    columns = metrics_table.c
    later = columns.step > after
    if behind is not None:
        later = or_(later, and_(columns.step == after, columns.name > behind))
    query = select(columns.step, columns.name, columns.value).where(columns.run == run_id, later)
    if names is not None:
        query = query.where(columns.name.in_(names))
    with ws.db.read() as connection:
        rows = connection.execute(query.order_by(columns.step, columns.name).limit(limit))
        return [Metric(row.step, row.name, float("nan") if row.value is None else row.value) for row in rows]
