"""A stream whose reader leaves always ends, whatever it is doing at that instant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tuneloop.app.http.stream import EventStream

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("turns", range(12))
async def test_a_reader_that_leaves_while_a_piece_goes_out(turns: int) -> None:
    """The reader is gone `turns` turns of the loop before the piece is sent: `asyncio.wait_for` of Python 3.11 loses
    the order to stop where the two meet, and the stream, its generator and the work behind it stay for ever."""
    gone, closed = asyncio.Event(), asyncio.Event()

    async def events() -> AsyncGenerator[bytes]:
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            gone.set()
            for _ in range(turns):
                await asyncio.sleep(0)

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async with asyncio.timeout(2):
        await EventStream(events())({}, receive, send)  # type: ignore[arg-type]
    assert closed.is_set()
