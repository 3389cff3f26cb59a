"""Work that takes time and survives a restart: a queue of runs, claimed with a lease, each in a process of its own.

    run.py           what a run is, and its states
    queue.py         submit, claim, here, cancel, pause, resume
    watching.py      show, list, events, metrics (of the queue too)
    events.py        what happened in a run, numbered
    claiming.py      who may start what: order, slots, leases that ran out
    starting.py      which queued runs a server starts a process for
    lease.py         the right to work on a run: renewed in the background, every write fenced by it
    checkpoints.py   folders that are whole or not there
    process.py       which process is meant, so that a dead one is known and a stranger is never killed
    executor.py      executors/      where a run's process starts

Only the database's clock decides about leases.  The attempt number is the fencing token: a worker that lost its lease
and comes back has every write refused with `ConflictError`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuneloop.runs import queue
    from tuneloop.runs.how_far import HowFar
    from tuneloop.runs.lease import Lease
    from tuneloop.runs.run import Run

__all__ = ["HowFar", "Lease", "Run", "queue"]

_PLACES = {"HowFar": "tuneloop.runs.how_far", "Lease": "tuneloop.runs.lease", "Run": "tuneloop.runs.run"}


def __getattr__(name: str) -> Any:
    # Loading the members of `executors` passes through here and must not cost the database library.
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
