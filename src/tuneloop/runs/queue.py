"""The queue of runs: ask for one, watch it, stop it, claim it.  All state is in the workspace's database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, update

from tuneloop.errors import ConflictError
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
)
from tuneloop.runs.events import add_event
from tuneloop.runs.lease import Lease
from tuneloop.runs.run import ACTIVE, RESUMABLE, Run, Slot
from tuneloop.runs.watching import POLL_SECONDS, deaf, events, list, metrics, show
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.tables import next_number, runs

__all__ = [
    "add",
    "cancel",
    "claim",
    "deaf",
    "events",
    "here",
    "list",
    "metrics",
    "pause",
    "resume",
    "show",
    "submit",
    "write_off",
]


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
        return add(connection, kind, spec, needs or {}, scenario, slot)


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

    `run_id` goes on with an earlier run of this kind that was paused, failed or interrupted: with the spec that it was
    made with, from its last checkpoint.
    """
    with ws.db.write(durable=True) as connection:
        if run_id is None:
            run_id = add(connection, kind, spec, needs or {}, scenario, here=True)
        else:
            _make_resumable(connection, run_id, here=True, kind=kind)
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


def add(
    connection: Connection,
    kind: str,
    spec: Mapping[str, Any],
    needs: Mapping[str, Any],
    scenario: str = "main",
    slot: Slot | None = None,
    *,
    here: bool = False,
) -> str:
    """`submit` inside the caller's transaction, for a run that another row names."""
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
        elif row["state"] in ACTIVE and row["result"] is not None:
            raise ConflictError(
                f"{run_id} has done its work and clears up", expected="a run that can be stopped", do="Wait a moment"
            )
        elif row["state"] in ACTIVE:
            stronger = what == "cancel" or row["state"] == "running"
            if stronger and row["stop"] != what:
                going = {"cancel": "cancelling", "pause": "pausing"}[what]
                connection.execute(update(runs).where(runs.c.id == run_id).values(state=going, stop=what))
                add_event(connection, run_id, going, {})
        elif row["state"] != done:
            raise ConflictError(f"{run_id} is {row['state']} already", expected=f"a run that can be {done}")
    return show(ws, run_id)


def _make_resumable(connection: Connection, run_id: str, *, here: bool, kind: str | None = None) -> None:
    row, now = locked_row(connection, run_id), clock(connection)
    if kind is not None and row["kind"] != kind:
        raise ConflictError(f"{run_id} is a run of kind {row['kind']!r}", expected=f"one of kind {kind!r}")
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
