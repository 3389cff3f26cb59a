"""Starts the processes of queued runs while a server is up: jobs that were created over HTTP, runs left by a crash; and
ends those of runs that were cancelled and go on.

The thread claims nothing itself.  The processes are their own (`runs.executor`): they outlive the server, and the next
one that starts finds them at work.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from tuneloop.errors import TuneloopError
from tuneloop.runs import starting
from tuneloop.runs.executors.local import LocalExecutor

if TYPE_CHECKING:
    from tuneloop.store import Workspace

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Supervisor:
    """`start` begins a thread; `wake` has it look at once, after a run was queued; `stop` ends the thread, no run."""

    def __init__(self, ws: Workspace, executor: LocalExecutor | None = None) -> None:
        self._ws = ws
        self._executor = executor or LocalExecutor()
        self._started: set[str] = set()
        self._wake = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._watch, name="tuneloop-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> list[str]:
        """Start what may start now, and end what does not obey; returns those that were started."""
        self._started = {run for run in self._started if self._executor.wait(run, 0) is None}  # no zombies
        chosen = starting.next_to_start(self._ws)
        for run in chosen:
            self._executor.start(self._ws, run)
            self._started.add(run)
        for run in self._executor.end_deaf(self._ws):
            log.warning("%s did not stop when it was cancelled, so its process was ended", run)
        return chosen

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._over = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._over:
            try:
                self.look()
            except (TuneloopError, SQLAlchemyError, OSError) as error:  # the database is away, no process can be made
                log.warning("queued runs could not be started: %s", error)
            except Exception:  # a bug with one run must not keep all others from starting
                log.exception("queued runs could not be started")
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
