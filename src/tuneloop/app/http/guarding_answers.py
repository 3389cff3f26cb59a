"""A number for each request, and headers on each answer that keep browsers from doing what was not meant."""

from __future__ import annotations

import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CAREFUL: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""A route that sets one of them itself keeps its own."""
ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")


class Answers:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = f"req_{secrets.token_hex(12)}"
        state = scope.setdefault("state", {})
        state["id"] = identity
        own = [*headers_for(scope["scheme"]), (b"x-request-id", identity.encode())]
        state["headers"] = own

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                message = {**message, "headers": headers + [one for one in own if one[0] not in there]}
            await send(message)

        await self.app(scope, receive, careful)


def headers_for(scheme: str) -> tuple[tuple[bytes, bytes], ...]:
    return (*CAREFUL, ONLY_HTTPS) if scheme == "https" else CAREFUL
