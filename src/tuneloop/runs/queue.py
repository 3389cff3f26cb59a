"""The queue of runs: ask for one, watch it, stop it, claim it.  All state is in the workspace's database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from tuneloop.errors import ConflictError, NotFoundError
from tuneloop.runs import process
from tuneloop.runs.claiming import (
    LEASE_SECONDS,
    held,
    left_alone,
    locked_row,
    may_start,
    next_claimable,
    slot_of,
    take,
    unknown,
)
from tuneloop.runs.lease import Lease, add_event
from tuneloop.runs.run import ACTIVE, FINISHED, RESUMABLE, Event, Metric, Run, Slot, run_of
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, next_number, run_events, runs
from tuneloop.store.tables import metrics as metrics_table

NEWEST = "newest"
POLL_SECONDS = 0.2


def submit(
    ws: Workspace,
    kind: str,
    spec: Mapping[str, Any],
    needs: Mapping[str, Any] | None = None,
    *,
    scenario: str = "main",
    slot: Slot | None = None,
) -> str:
    """Put a run into the queue; returns its id (`run-7`).

    `needs` may hold `cpu` (cores), `gpu` (devices) and `memory` (bytes); from them follows whether it takes a heavy or
    a light slot, unless `slot` says so.
    """
    with ws.db.write(durable=True) as connection:
        return _add(connection, kind, spec, needs or {}, scenario, slot, here=False)


def here(
    ws: Workspace,
    kind: str,
    spec: Mapping[str, Any],
    needs: Mapping[str, Any] | None = None,
    *,
    scenario: str = "main",
    run_id: str | None = None,
    seconds: float = LEASE_SECONDS,
) -> Lease:
    """A run inside this process, claimed at birth and never given to another one.

    `run_id` goes on with an earlier run that was paused, failed or interrupted, from its last checkpoint.
    """
    with ws.db.write(durable=True) as connection:
        if run_id is None:
            run_id = _add(connection, kind, spec, needs or {}, scenario, None, here=True)
        else:
            _make_resumable(connection, run_id, here=True)
        row = _taken(connection, run_id, process.identity(), seconds)
    return _lease(ws, row, seconds)


def claim(
    ws: Workspace,
    run_id: str | None = None,
    owner: Mapping[str, Any] | None = None,
    *,
    wait: float = 0.0,
    seconds: float = LEASE_SECONDS,
) -> Lease | None:
    """Take a run to work on it: the oldest that may start, or the one named.

    None when nothing may start now, also after `wait` seconds (infinity: until it may).  `ConflictError` when the named
    run is at work elsewhere, paused or finished.  `owner` is what `process.identity` gives.
    """
    give_up = time.monotonic() + wait
    while True:
        with ws.db.write(durable=True) as connection:
            chosen = next_claimable(connection) if run_id is None else run_id
            if chosen is not None and (run_id is None or may_start(connection, chosen)):
                row = _taken(connection, chosen, owner or process.identity(), seconds)
                break
        if time.monotonic() >= give_up:
            return None
        time.sleep(POLL_SECONDS)
    return _lease(ws, row, seconds)


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
    ws: Workspace, kind: str | None = None, states: Sequence[str] | None = None, scenario: str | None = None
) -> Sequence[Run]:
    """Runs, newest first."""
    query = select(runs).order_by(runs.c.number.desc())
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if scenario is not None:
        query = query.where(runs.c.scenario == scenario)
    with ws.db.read() as connection:
        now = clock(connection)
        found = [run_of(row, left_alone(row, now)) for row in connection.execute(query).mappings()]
    return [run for run in found if states is None or run.state in states]


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


def metrics(ws: Workspace, run_id: str, names: Sequence[str] | None = None, after: int = -1) -> Sequence[Metric]:
    """The points of a run's curves with a step above `after`, by step and name."""
    columns = metrics_table.c
    query = select(columns.step, columns.name, columns.value).where(columns.run == run_id, columns.step > after)
    if names is not None:
        query = query.where(columns.name.in_(names))
    with ws.db.read() as connection:
        rows = connection.execute(query.order_by(columns.step, columns.name))
        return [Metric(row.step, row.name, float("nan") if row.value is None else row.value) for row in rows]


def cancel(ws: Workspace, run_id: str) -> Run:
    """Ask a run to end for good; one that nobody works on ends at once.  The executor kills what doesn't obey."""
    return _ask(ws, run_id, "cancel")


def pause(ws: Workspace, run_id: str) -> Run:
    """Ask a run to keep a checkpoint and stop; `resume` goes on from it."""
    return _ask(ws, run_id, "pause")


def write_off(ws: Workspace, run_id: str) -> Run:
    """Write an active run down as cancelled, whatever its process does; if that still lives, its writes are refused."""
    with ws.db.write(durable=True) as connection:
        row = locked_row(connection, run_id)
        if row["state"] in ACTIVE:
            values = {"state": "cancelled", "stop": "", "lease_until": None, "finished": clock(connection)}
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
            add_event(connection, run_id, "cancelled", {"killed": True})
    return show(ws, run_id)


def resume(ws: Workspace, run_id: str) -> Run:
    """Queue a paused, failed or interrupted run again; its next attempt goes on from the last checkpoint.

    A run that was started inside somebody's process then belongs to the queue.
    """
    with ws.db.write(durable=True) as connection:
        _make_resumable(connection, run_id, here=False)
        add_event(connection, run_id, "resumed", {})
    return show(ws, run_id)


def _add(
    connection: Connection,
    kind: str,
    spec: Mapping[str, Any],
    needs: Mapping[str, Any],
    scenario: str,
    slot: Slot | None,
    *,
    here: bool,
) -> str:
    number = next_number(connection, "run")
    row = {
        "id": f"run-{number}",
        "number": number,
        "kind": kind,
        "scenario": scenario,
        "state": "queued",
        "stop": "",
        "slot": slot or slot_of(needs),
        "here": here,
        "spec": dict(spec),
        "needs": dict(needs),
        "attempt": 0,
        "events": 0,
        "created": clock(connection),
    }
    connection.execute(insert(runs).values(row))
    add_event(connection, str(row["id"]), "queued", {})
    return str(row["id"])


def _ask(ws: Workspace, run_id: str, what: str) -> Run:
    done = {"cancel": "cancelled", "pause": "paused"}[what]
    with ws.db.write(durable=True) as connection:
        row, now = locked_row(connection, run_id), clock(connection)
        abandoned = row["state"] in ACTIVE and left_alone(row, now)
        if row["state"] == "queued" or abandoned or (row["state"] == "paused" and what == "cancel"):
            over = now if what == "cancel" else None
            values = {"state": done, "stop": "", "lease_until": None, "finished": over}
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
            add_event(connection, run_id, done, {})
        elif row["state"] in ACTIVE:
            stronger = what == "cancel" or row["state"] == "running"
            if stronger and row["stop"] != what:
                going = {"cancel": "cancelling", "pause": "pausing"}[what]
                connection.execute(update(runs).where(runs.c.id == run_id).values(state=going, stop=what))
                add_event(connection, run_id, going, {})
        elif row["state"] != done:
            raise ConflictError(f"{run_id} is {row['state']} already", expected=f"a run that can be {done}")
    return show(ws, run_id)


def _make_resumable(connection: Connection, run_id: str, *, here: bool) -> None:
    row, now = locked_row(connection, run_id), clock(connection)
    if row["state"] in ACTIVE and not left_alone(row, now):
        raise held(row)
    if row["state"] not in (*RESUMABLE, *ACTIVE, "queued") or row["state"] == "cancelling":
        raise ConflictError(f"{run_id} is {row['state']}", expected="a paused, failed or interrupted run")
    values = {"state": "queued", "stop": "", "here": here, "lease_until": None, "finished": None, "error": None}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))


def _taken(connection: Connection, run_id: str, owner: Mapping[str, Any], seconds: float) -> RowMapping:
    attempt = take(connection, run_id, owner, seconds)
    row = locked_row(connection, run_id)
    add_event(connection, run_id, "started", {"attempt": attempt, "here": row["here"]})
    return row


def _lease(ws: Workspace, row: RowMapping, seconds: float) -> Lease:
    ws.blobs.sweep(owner=row["id"])  # what an earlier attempt left under way
    return Lease(ws, row["id"], row["attempt"], kind=row["kind"], spec=row["spec"], seconds=seconds)
