"""The server answers only to its own names.

A page on the internet can give its own name the address 127.0.0.1 and then read what the browser fetches from there
(DNS rebinding); such requests carry the foreign name in `Host`.
"""

from __future__ import annotations

import ipaddress

from starlette.types import ASGIApp, Receive, Scope, Send

from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.settings import Rules


class Hosts:
    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found = [value for name, value in scope["headers"] if name == b"host"]
            host = host_of(found[0]) if len(found) == 1 else None
            if host is None or not self._ours(host, scope):
                told = "" if host is None else f" to the name {host[:80]!r}"
                error = HttpError(
                    400,
                    f"This server does not answer{told}. Start it with --host-name NAME for each name that it has.",
                    code="unknown_host",
                )
                await error.answer()(scope, receive, send)
                return
            if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
                error = HttpError(400, "The address holds a NUL character.", code="invalid_value")
                await error.answer()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _ours(self, host: str, scope: Scope) -> bool:
        if host in self.rules.hosts:
            return True
        server = scope.get("server")
        return self.rules.any_address and server is not None and _same_address(host, str(server[0]))


def host_of(header: bytes) -> str | None:
    """`Example.org:8400` → `example.org`, `[::1]:8400` → `::1`; None where it is no host."""
    try:
        text = header.decode("ascii").lower()
    except UnicodeDecodeError:
        return None
    if text.startswith("["):
        name, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            return None
        port = port[1:]
    else:
        name, _, port = text.partition(":")
    if not name or (port and not port.isdigit()):
        return None
    return name.rstrip(".")


def _same_address(host: str, server: str) -> bool:
    try:
        found, own = ipaddress.ip_address(host), ipaddress.ip_address(server)
    except ValueError:
        return False
    return found == (getattr(own, "ipv4_mapped", None) or own)
