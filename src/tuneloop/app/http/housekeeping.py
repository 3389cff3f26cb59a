"""A thread of the server that keeps jobs up: webhooks, expired files and exports, what a crash left undone."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from tuneloop.errors import TuneloopError
from tuneloop.jobs import keeping
from tuneloop.prepare import run_files
from tuneloop.store import Workspace

log = logging.getLogger(__name__)

SECONDS, SWEEP_SECONDS = 2.0, 60.0


class Housekeeper:
    """`start` begins the thread, `stop` ends it after the round that it is in."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="tuneloop-housekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)

    def _keep(self) -> None:
        swept = 0.0
        while not self._over.wait(SECONDS):
            try:
                keeping.keep_up(self._ws)
                if time.monotonic() - swept > SWEEP_SECONDS:
                    keeping.remove_expired(self._ws)
                    run_files.remove_old(self._ws)
                    swept = time.monotonic()
            except (
                TuneloopError,
                SQLAlchemyError,
                OSError,
            ) as error:  # the database is away: the next round tries again
                log.warning("jobs could not be kept up: %s", error)
            except Exception:  # a bug in one job's affairs must not end the care for all others
                log.exception("jobs could not be kept up")
