"""Who may start what, decided in one transaction by the database's clock.

A run can be claimed when it is queued, or when its lease ran out or its process is certainly dead.  At most one heavy
run and two light ones go at once (setting `run_slots`); the rest wait in order.  A run that was started inside
somebody's process (`here`) takes a slot at once, as it already runs, and is never claimed by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update

from tuneloop.errors import ConflictError, NotFoundError, nearest
from tuneloop.runs import process
from tuneloop.runs.events import add_event
from tuneloop.runs.run import ACTIVE, Slot
from tuneloop.store.database import clock
from tuneloop.store.tables import lock_kind, runs, settings

LEASE_SECONDS = 30.0
WAITING_SECONDS = 10.0
SLOTS: Mapping[str, int] = {"heavy": 1, "light": 2}


def slot_of(needs: Mapping[str, Any]) -> Slot:
    """A run that needs a GPU or more than one core is heavy."""
    return "heavy" if needs.get("gpu", 0) or needs.get("cpu", 1) > 1 else "light"


def locked_row(connection: Connection, run: str) -> RowMapping:
    """The run's row, locked until the transaction ends; `NotFoundError` with the nearest id."""
    row = connection.execute(select(runs).where(runs.c.id == run).with_for_update()).mappings().first()
    if row is None:
        raise unknown(connection, run)
    return row


def unknown(connection: Connection, run: str) -> NotFoundError:
    known = list(connection.execute(select(runs.c.id)).scalars())
    hint = nearest(run, known) if known else "There are no runs yet"
    return NotFoundError(f"no run is called {run!r}", do=hint[0].upper() + hint[1:])


def left_alone(row: Mapping[Any, Any], now: float) -> bool:
    """Whether an active run's process is gone: its lease ran out, or the process is certainly dead."""
    return row["lease_until"] is None or row["lease_until"] <= now or process.dead(row["owner"])


def take(connection: Connection, run: str, owner: Mapping[str, Any], seconds: float) -> int:
    """Make `owner` the holder of a run; returns the attempt, which fences all its writes."""
    now = clock(connection)
    started = connection.execute(select(runs.c.started).where(runs.c.id == run)).scalar()
    values = {
        "state": "running",
        "stop": "",
        "owner": dict(owner),
        "lease_until": now + seconds,
        "waiting_until": None,
        "attempt": runs.c.attempt + 1,
        "started": now if started is None else started,
        "finished": None,
        "error": None,
        "progress": None,
    }
    statement = update(runs).where(runs.c.id == run).values(values).returning(runs.c.attempt)
    return int(connection.execute(statement).scalar_one())


def settle(connection: Connection, row: Mapping[Any, Any], now: float) -> None:
    """Write down that an abandoned run which was to be cancelled or paused now is."""
    state = {"cancelling": "cancelled", "pausing": "paused"}[row["state"]]
    values = {"state": state, "stop": "", "lease_until": None, "finished": now if state == "cancelled" else None}
    connection.execute(update(runs).where(runs.c.id == row["id"]).values(values))
    add_event(connection, row["id"], state)


def next_claimable(connection: Connection) -> str | None:
    """The oldest run that may start now: queued, or left alone by a process that died."""
    lock_kind(connection, "run")  # claims decide one after the other
    now, active = clock(connection), _active(connection)
    free = free_slots(connection, active, now)
    candidates = []
    for row in active:
        if left_alone(row, now) and row["state"] != "running":
            settle(connection, row, now)
        elif left_alone(row, now) and not row["here"] and free[row["slot"]] > 0:
            candidates.append((row["number"], row["id"]))
    for slot in (slot for slot, count in free.items() if count > 0):
        query = select(runs.c.number, runs.c.id).where(runs.c.state == "queued", runs.c.slot == slot)
        oldest = connection.execute(query.order_by(runs.c.number).limit(1).with_for_update()).first()
        candidates += [(oldest.number, oldest.id)] if oldest else []
    return str(min(candidates)[1]) if candidates else None


def may_start(connection: Connection, run: str) -> bool:
    """Whether this run may start now; if not, its place in the queue is held for `WAITING_SECONDS`.

    Of the runs whose process waits, the oldest goes first; queued runs without a process don't hold others up.
    """
    lock_kind(connection, "run")
    row, now = locked_row(connection, run), clock(connection)
    if row["state"] in ACTIVE and (row["here"] or not left_alone(row, now)):
        raise held(row)
    if row["state"] not in ("queued", "running"):
        raise ConflictError(f"{run} is {row['state']}", expected="a queued run", do=_way_on(row))
    earlier = select(func.count()).where(
        runs.c.state == "queued",
        runs.c.slot == row["slot"],
        runs.c.number < row["number"],
        runs.c.waiting_until > now,
    )
    free = free_slots(connection, _active(connection), now)
    if free[row["slot"]] > int(connection.execute(earlier).scalar_one()):
        return True
    if row["state"] == "queued" and (row["waiting_until"] or 0) < now + WAITING_SECONDS / 2:
        connection.execute(update(runs).where(runs.c.id == run).values(waiting_until=now + WAITING_SECONDS))
    return False


def held(row: Mapping[Any, Any]) -> ConflictError:
    owner = row["owner"] or {}
    place = f"process {owner.get('pid')} on {str(owner.get('host', '')).partition('/')[0]}"
    return ConflictError(
        f"{row['id']} is held by {place}", expected="a run that nobody works on", do="Wait for it, or cancel it first"
    )


def _way_on(row: Mapping[Any, Any]) -> str:
    return "Resume it first" if row["state"] in ("paused", "failed") else "Start a new run"


def _active(connection: Connection) -> list[RowMapping]:
    """The runs that somebody works on or left alone, oldest first."""
    query = select(runs).where(runs.c.state.in_(ACTIVE)).order_by(runs.c.number)
    return list(connection.execute(query.with_for_update()).mappings())


def free_slots(connection: Connection, rows: Iterable[Mapping[Any, Any]], now: float) -> dict[str, int]:
    """How many more runs of each slot may go at once."""
    value = connection.execute(select(settings.c.value).where(settings.c.key == "run_slots")).scalar()
    free: dict[str, int] = {**SLOTS, **(value or {})}
    for row in rows:
        if row["state"] in ACTIVE and not left_alone(row, now):
            free[row["slot"]] -= 1
    return free
