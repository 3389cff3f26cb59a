"""A job's events as a stream that can be cut anywhere and resumed without gap or repeat.

Events are stored before they are sent, and numbered, so a stream is only a way of reading them.  One row is looked at
every half second for all who follow a job (`following`); a paused job keeps its stream open.  After the event that ends
the job comes `[DONE]`, and the body is closed: the oldest official client waits for that.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from fastapi.concurrency import run_in_threadpool

from tuneloop.app.http.openai.following import following
from tuneloop.jobs import ending
from tuneloop.jobs.shaping import shaped_event
from tuneloop.store import Workspace
from tuneloop.store import jobs as rows
from tuneloop.store.jobs import Job

HEADERS: Mapping[str, str] = {"cache-control": "no-cache", "x-accel-buffering": "no"}
RETRY_MS, KEEP_ALIVE, WAKE = 3000, 15.0, 1.0


async def stream(ws: Workspace, job: Job, number: int, stopping: threading.Event | None = None) -> AsyncIterator[bytes]:
    """The events above `number`, and those that come, until the job has ended, or the server is about to stop: then
    the body ends without `[DONE]`, and the reader comes again."""
    first, said = True, time.monotonic()
    async with following(ws, job.id) as followed:
        while stopping is None or not stopping.is_set():
            last, outcome, state = await followed.pulse()
            news = followed.news
            while number < last:
                for event in await run_in_threadpool(rows.events_since, ws, job.id, number):
                    # A block of `retry:` alone would make the official client fail on empty data.
                    retry = f"retry: {RETRY_MS}\n" if first else ""
                    first, number = False, event.number
                    data = json.dumps(shaped_event(job, event), ensure_ascii=False)
                    yield f"{retry}id: {job.event_id(number)}\ndata: {data}\n\n".encode()
                said = time.monotonic()
            if outcome is not None and number >= last:
                yield b"data: [DONE]\n\n"
                return
            if outcome is None and state in ("cancelled", "failed"):
                await run_in_threadpool(ending.reconcile, ws, job.id)
                await followed.look()
                continue
            if time.monotonic() - said >= KEEP_ALIVE:
                said = time.monotonic()
                # One line, without the blank one that ends a block: the official clients would take the last event's id
                # and no data for an event, and fail.
                yield b": keep-alive\n"
            with suppress(TimeoutError):
                async with asyncio.timeout(WAKE):
                    await news.wait()
