"""Jobs that are followed: each is looked at once every half second, however many follow it.

A thousand followers who each looked for themselves would take a processor of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from fastapi.concurrency import run_in_threadpool

from tuneloop.store import Workspace
from tuneloop.store import jobs as rows

POLL = 0.5
Pulse = tuple[int, str | None, str | None]
"""The number of the last event, the outcome, the state of the run."""


class Followed:
    """One job; `pulse` is what was seen last, `news` is set when something else was seen."""

    def __init__(self, ws: Workspace, job: str) -> None:
        self._ws, self._job = ws, job
        self._pulse: Pulse | None = None
        self._error: Exception | None = None
        self.news = asyncio.Event()
        self.followers = 0
        self.looking = asyncio.ensure_future(self._look_on())

    async def pulse(self) -> Pulse:
        """What was seen last; raises what looking raised."""
        while self._pulse is None and self._error is None:
            await self.news.wait()
        if self._pulse is None or self._error is not None:
            raise self._error or RuntimeError("nothing was seen")
        return self._pulse

    async def look(self) -> None:
        pulse = await run_in_threadpool(rows.pulse, self._ws, self._job)
        if pulse != self._pulse:
            self._pulse = pulse
            self._tell()

    async def _look_on(self) -> None:
        try:
            while True:
                await self.look()
                await asyncio.sleep(POLL)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the followers who tell of it
            self._error = error
            self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


_followed: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], Followed]] = WeakKeyDictionary()


@asynccontextmanager
async def following(ws: Workspace, job: str) -> AsyncIterator[Followed]:
    """A job that others may follow, too."""
    every = _followed.setdefault(asyncio.get_running_loop(), {})
    found = every.get((ws.id, job))
    if found is None or found.looking.done():
        found = every[ws.id, job] = Followed(ws, job)
    found.followers += 1
    try:
        yield found
    finally:
        found.followers -= 1
        if not found.followers:
            found.looking.cancel()
            if every.get((ws.id, job)) is found:
                del every[ws.id, job]
