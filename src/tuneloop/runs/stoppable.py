"""A watcher for work that knows no run: it tells the run, and ends the work where a person asked for that."""

from __future__ import annotations

from tuneloop.errors import StoppedError
from tuneloop.records import Progress, Watcher, unwatched
from tuneloop.runs.lease import Lease


def stoppable(lease: Lease, also: Watcher = unwatched, *, left: str = "nothing was kept") -> Watcher:
    """Raises `StoppedError` where the run is to pause or to be cancelled; `left` says what becomes of the work."""

    def look(progress: Progress) -> None:
        also(progress)
        lease.watch(progress)
        if how := lease.should_stop():
            raise StoppedError(f"the run was stopped ({how}); {left}", do="Start it again to do it")

    return look
