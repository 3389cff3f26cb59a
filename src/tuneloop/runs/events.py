"""What happened in a run: numbered from 1 without a gap, under the lock of the run's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, update

from tuneloop.store.database import now
from tuneloop.store.tables import run_events, runs


def add_event(connection: Connection, run: str, kind: str, data: Mapping[str, Any] | None = None) -> int:
    """Add an event inside the caller's transaction; returns its number."""
    counted = update(runs).where(runs.c.id == run).values(events=runs.c.events + 1).returning(runs.c.events)
    number = int(connection.execute(counted).scalar_one())
    row = {"run": run, "number": number, "kind": kind, "data": dict(data or {})}
    connection.execute(insert(run_events).values(**row, time=now()))
    return number
