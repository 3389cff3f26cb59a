"""How long to wait before a host is asked again, for several threads at once."""

from __future__ import annotations

import threading
import time


class Stopped(Exception):
    """The work was told to end while somebody waited."""


class Pace:
    """Requests to one site stand at least a delay apart, whoever makes them; `stop` ends all waiting."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.stop = threading.Event()
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def turn(self, site: str, delay: float = 0.0) -> None:
        """Wait for the site's next turn; `delay` is what the site itself asks for.  Raises `Stopped`."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next.get(site, now))
            self._next[site] = at + max(self.delay, delay)
        self.pause(at - now)

    def pause(self, seconds: float) -> None:
        if self.stop.is_set() or (seconds > 0 and self.stop.wait(seconds)):
            raise Stopped
