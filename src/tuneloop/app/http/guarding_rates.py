"""So many requests a minute for each key or session, counted in this process.

A bucket holds a minute's requests and is refilled evenly.  Several server processes count each for itself: a shared
count would cost a write for each request.
"""

from __future__ import annotations

import math
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from tuneloop.access.callers import Caller
from tuneloop.app.http.errors import HttpError

MOST = 10_000


class Rates:
    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app, self.per_minute = app, per_minute
        self._buckets: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller: Caller | None = scope.get("state", {}).get("caller") if scope["type"] == "http" else None
        if caller is not None:
            limit = caller.per_minute or self.per_minute
            wait = self._take(caller.key or caller.session or caller.user, limit, time.monotonic())
            if wait > 0:
                error = HttpError(
                    429,
                    f"More than {limit} requests in a minute. Try again in {math.ceil(wait)} seconds.",
                    code="rate_limit_exceeded",
                    headers={"retry-after": str(math.ceil(wait)), "x-ratelimit-limit-requests": str(limit)},
                )
                await error.answer()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _take(self, name: str, limit: int, now: float) -> float:
        """0 when the request may pass, else the seconds until one may."""
        left, before = self._buckets.get(name, (float(limit), now))
        left = min(float(limit), left + (now - before) * limit / 60)
        if left < 1:
            self._buckets[name] = (left, now)
            return (1 - left) * 60 / limit
        if len(self._buckets) >= MOST:  # buckets not used for a minute are full again
            self._buckets = {one: kept for one, kept in self._buckets.items() if kept[1] > now - 60}
        self._buckets[name] = (left - 1, now)
        return 0.0
