"""Connections that begin a request and never finish its head are closed: thousands of them would take every place.

uvicorn closes a connection that is idle after an answer, and waits for ever for the first head, or for the rest of one
that has begun.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def protocol(head_seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol, with so many seconds from a connection's begin, or a head's first byte, to the head's end."""

    class Patient(H11Protocol):
        _given_up: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._begin()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
                self._begin()
            else:
                self._end()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end()
            super().connection_lost(exc)

        def _begin(self) -> None:
            if self._given_up is None:
                self._given_up = self.loop.call_later(head_seconds, self.transport.close)

        def _end(self) -> None:
            if self._given_up is not None:
                self._given_up.cancel()
                self._given_up = None

    return Patient
