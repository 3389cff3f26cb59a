"""Who may not ask is told so before a byte of the body is read; who may sends no more bytes than allowed.

A body that says its length is refused by it.  One that does not (chunked) is counted while it streams, and the reading
ends with the first byte too many; the connection is closed with the answer.  A body that stands still is given up.  All
but uploads are JSON, and refused where they cannot be read (`reading`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.reading import unreadable
from tuneloop.app.http.security import OPEN, check
from tuneloop.app.http.settings import ENVELOPE, MEGABYTE, Rules

UPLOADS = re.compile(r"/v1/files/?|/v1/uploads/[^/]+/parts/?")
"""Paths whose POST carries a file, or a part of one."""
UNKNOWN_CALLERS = 64 << 10
"""Bytes that may come with a request which needs no caller."""
LONG = 256 << 10
"""Bytes of a body that is looked through in a thread: 8 MiB of brackets take a second."""
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class Bodies:
    def __init__(self, app: ASGIApp, rules: Rules, permission_of: Callable[[str, str], str | None]) -> None:
        self.app, self.settings, self.permission_of = app, rules.settings, permission_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = next((value for name, value in scope["headers"] if name == b"content-length"), None)
        chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
        if scope["method"] in BODILESS and not chunked and length in (None, b"0"):
            await self.app(scope, receive, send)
            return
        try:
            most = self._most(scope)
            if length is not None and length.isdigit() and int(length) > most:
                raise too_large(scope["path"], most)
        except HttpError as error:
            await closing(error).answer()(scope, receive, send)
            return
        body = _Counted(receive, send, scope["path"], most, self.settings.body_seconds)
        await self.app(scope, body.receive, body.send)

    def _most(self, scope: Scope) -> int:
        """The bytes that this request may send; 401 or 403 where it may not be made at all."""
        caller = scope["state"].get("caller")
        permission = self.permission_of(scope["method"], scope["path"])
        if permission is not None and permission != OPEN:
            check(caller, permission)
        if caller is None:
            return UNKNOWN_CALLERS
        if scope["method"] == "POST" and UPLOADS.fullmatch(scope["path"]):
            return self.settings.upload_megabytes * MEGABYTE + ENVELOPE
        return self.settings.body_megabytes * MEGABYTE


class _Counted:
    """The body of one request: whatever its route makes of one that broke off, the client is told why it did."""

    def __init__(self, receive: Receive, send: Send, path: str, most: int, seconds: float) -> None:
        self._receive, self._send = receive, send
        self._path, self._most, self._seconds = path, most, seconds
        self._count, self._whole, self._begun = 0, False, False
        self._refused: HttpError | None = None
        self._told = False
        self._kept: list[bytes] | None = None if UPLOADS.fullmatch(path) else []

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        if self._refused is not None:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError:
            raise self._break_off(HttpError(408, "The body stood still.", code="request_timeout")) from None
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            if self._count > self._most:
                raise self._break_off(too_large(self._path, self._most))
            self._whole = not message.get("more_body", False)
            if self._kept is not None:
                await self._check(message.get("body", b""))
        return message

    async def _check(self, chunk: bytes) -> None:
        """Refuse, once it is here, what cannot be read, written or walked down."""
        assert self._kept is not None
        self._kept.append(chunk)
        if self._whole:
            body, self._kept = b"".join(self._kept), None
            wrong = await run_in_threadpool(unreadable, body) if len(body) > LONG else unreadable(body)
            if wrong:
                raise self._break_off(HttpError(400, f"The body {wrong}.", code="invalid_value"))

    async def send(self, message: Message) -> None:
        if self._refused is None or self._begun:
            self._begun = True
            await self._send(message)
        elif not self._told:
            self._told = True
            await self._refused.answer()({"type": "http", "method": "POST"}, self._receive, self._send)

    def _break_off(self, error: HttpError) -> HTTPException:
        self._refused = closing(error)
        return HTTPException(error.status)


def too_large(path: str, most: int) -> HttpError:
    size = f"{most // MEGABYTE} MiB" if most >= MEGABYTE else f"{most >> 10} KiB"
    param = None if UPLOADS.fullmatch(path) is None else "data" if path.rstrip("/").endswith("/parts") else "file"
    return HttpError(413, f"The body of the request is larger than {size}.", code="file_too_large", param=param)


def closing(error: HttpError) -> HttpError:
    """What is left of the body is not read, so the connection is of no more use."""
    error.headers["connection"] = "close"
    return error
