"""Which queued runs get a process now, for a server that starts what others put into the queue.

Whoever starts a process reserves the run first (`waiting_until`, by the database's clock), in the transaction that
decides.  So of several servers, and a command that starts its own run, one starts it; should two processes come up all
the same, the claim lets one work.  Only runs with a free slot are started: the others cost nothing while they wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from tuneloop.runs.claiming import free_slots, left_alone, settle
from tuneloop.runs.events import add_event
from tuneloop.runs.run import ACTIVE
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.tables import checkpoints, lock_kind, runs

START_SECONDS = 30.0
"""A process that was started has claimed its run, or waits in the queue by itself, before these are over."""
MOST_DEATHS = 10
"""Attempts in a row that may end without a new checkpoint and without a word before the run is given up."""


def reserve(connection: Connection, run: str) -> None:
    """Say that a process for this run is on its way, in the transaction that makes the run."""
    later = clock(connection) + START_SECONDS
    connection.execute(update(runs).where(runs.c.id == run).values(waiting_until=later))


def next_to_start(ws: Workspace) -> list[str]:
    """Runs that the caller starts a process for at once: queued with a free slot, or left alone by one that died."""
    with ws.db.read() as connection:
        if not _worth_a_look(_rows(connection), clock(connection)):
            return []
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "run")
        rows, now = _rows(connection, lock=True), clock(connection)
        free = free_slots(connection, rows, now)
        chosen = []
        for row in rows:
            if row["state"] == "queued" and (row["waiting_until"] or 0) > now:
                free[row["slot"]] -= 1  # a process waits for this one, or is on its way
        for row in rows:
            if not _startable(row, now):
                continue
            if row["state"] in ("cancelling", "pausing"):
                settle(connection, row, now)
            elif row["state"] == "running" and _deaths(connection, row) >= MOST_DEATHS:
                _give_up(connection, row, now)
            elif free[row["slot"]] > 0:
                free[row["slot"]] -= 1
                reserve(connection, row["id"])
                chosen.append(str(row["id"]))
    return chosen


def _rows(connection: Connection, lock: bool = False) -> list[RowMapping]:
    query = select(runs).where(runs.c.state.in_((*ACTIVE, "queued"))).order_by(runs.c.number)
    return list(connection.execute(query.with_for_update() if lock else query).mappings())


def _worth_a_look(rows: Iterable[Mapping[Any, Any]], now: float) -> bool:
    return any(_startable(row, now) for row in rows)


def _startable(row: Mapping[Any, Any], now: float) -> bool:
    """Whether nobody works on it and nobody comes; one that runs in somebody's notebook is theirs."""
    if (row["waiting_until"] or 0) > now or row["here"]:
        return False
    return row["state"] == "queued" or left_alone(row, now)


def _deaths(connection: Connection, row: Mapping[Any, Any]) -> int:
    """Attempts since the one that made the newest checkpoint."""
    newest = select(func.max(checkpoints.c.attempt)).where(checkpoints.c.run == row["id"])
    return int(row["attempt"]) - int(connection.execute(newest).scalar() or 0)


def _give_up(connection: Connection, row: Mapping[Any, Any], now: float) -> None:
    deaths = _deaths(connection, row)
    error = {
        "code": "process_died",
        "message": f"The run's process died {deaths} times without getting further. Its log may say why.",
    }
    add_event(connection, row["id"], "failed", {"error": error})
    values = {"state": "failed", "stop": "", "lease_until": None, "finished": now, "error": error}
    connection.execute(update(runs).where(runs.c.id == row["id"]).values(values))
