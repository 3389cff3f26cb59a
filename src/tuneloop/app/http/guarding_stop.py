"""While a server stops, requests under way finish, and new ones are told to come again."""

from __future__ import annotations

import threading

from starlette.types import ASGIApp, Receive, Scope, Send

from tuneloop.app.http.errors import HttpError

STILL = frozenset({"/healthz", "/readyz"})
"""What a load balancer asks to the end."""


class Stops:
    def __init__(self, app: ASGIApp, closing: threading.Event) -> None:
        """`closing` is set when no further request is taken."""
        self.app, self.closing = app, closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.closing.is_set() and scope["path"] not in STILL:
            again = {"retry-after": "1", "connection": "close"}
            error = HttpError(503, "The server is stopping.", code="server_stopping", headers=again)
            await error.answer()(scope, receive, send)
            return
        await self.app(scope, receive, send)
