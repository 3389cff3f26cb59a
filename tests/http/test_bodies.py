"""Bodies over the wire, at a real server on a socket: too large, endless, cut off, standing still."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from fastapi import APIRouter, Request
from tests.http.team import Team, make_team

from tuneloop.access import keys
from tuneloop.app.http import application
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.settings import Rules, ServeSettings

MEGABYTE = 1 << 20


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server whose bodies are at most 1 MiB and its files 2; `read` is how many bytes the upload's route got."""
    got = SimpleNamespace(read=0, broken=[])
    uploads = APIRouter()

    @uploads.post("/files")
    async def upload(request: Request, caller: Caller = needs("files:write")) -> dict[str, int]:
        try:
            async for chunk in request.stream():
                got.read += len(chunk)
        except Exception as error:
            got.broken.append(type(error).__name__)
            raise
        return {"bytes": got.read}

    others = [(prefix, one) for prefix, one in application.routers() if prefix != "/v1"]
    monkeypatch.setattr(application, "routers", lambda: [("/v1", uploads), *others])
    team = make_team(tmp_path, Rules(ServeSettings(body_megabytes=1, upload_megabytes=2, body_seconds=0.5)))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(team.app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    got.team, got.port = team, listener.getsockname()[1]
    try:
        yield got
    finally:
        server.should_exit = True
        thread.join(30)
        team.ws.close()


def ask(served: Any, role: str | None, path: str, *headers: str) -> socket.socket:
    """The head of a POST on a connection of its own."""
    team: Team = served.team
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{served.port}", *headers]
    if role is not None:
        lines.append(f"Authorization: Bearer {team.secrets[role]}")
    connection = socket.create_connection(("127.0.0.1", served.port), timeout=20)
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def answer(connection: socket.socket) -> tuple[int, Any]:
    """Status and JSON of what comes until the server closes."""
    data = b""
    with connection:
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)


def test_a_length_over_the_limit_is_refused_before_a_byte_is_sent(served: Any) -> None:
    for path, size, param in (("/v1/files", 3 * MEGABYTE, "file"), ("/api/keys", MEGABYTE + 1, None)):
        connection = ask(served, "admin", path, f"Content-Length: {size}", "Content-Type: application/json")
        status, told = answer(connection)
        assert (status, told["error"]["code"], told["error"]["param"]) == (413, "file_too_large", param)
    assert served.read == 0


def test_a_body_without_a_length_is_cut_off_at_the_limit(served: Any) -> None:
    connection = ask(served, "admin", "/v1/files", "Transfer-Encoding: chunked")
    sent, chunk = 0, b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
    try:
        while sent < 50 * MEGABYTE:
            connection.sendall(chunk)
            sent += 65536
    except (ConnectionResetError, BrokenPipeError):
        pass  # the server has stopped reading
    assert sent < 20 * MEGABYTE
    assert served.read <= 2 * MEGABYTE + 65536
    assert served.broken == ["HTTPException"]


def test_the_one_byte_too_many_is_told_as_413(served: Any) -> None:
    """Just over the limit, so that the answer is not lost with unread data."""
    connection = ask(served, "admin", "/api/keys", "Transfer-Encoding: chunked", "Content-Type: application/json")
    body = b"x" * (MEGABYTE + 1)
    connection.sendall(b"%x\r\n" % len(body) + body + b"\r\n")
    status, told = answer(connection)
    assert (status, told["error"]["code"]) == (413, "file_too_large")


def test_who_may_not_ask_is_told_before_the_body(served: Any) -> None:
    for role, status, code in ((None, 401, "invalid_api_key"), ("viewer", 403, "insufficient_permissions")):
        connection = ask(served, role, "/v1/files", f"Content-Length: {MEGABYTE}")
        got, told = answer(connection)  # not a byte of the body has been sent
        assert (got, told["error"]["code"]) == (status, code)
    status, told = answer(ask(served, None, "/api/session", f"Content-Length: {MEGABYTE}"))
    assert (status, told["error"]["code"]) == (413, "file_too_large")  # signing in takes 64 KiB
    assert served.read == 0


def test_a_body_that_stands_still_is_given_up(served: Any) -> None:
    connection = ask(served, "admin", "/v1/files", "Content-Length: 1000")
    connection.sendall(b"x" * 10)
    begun = time.monotonic()
    status, told = answer(connection)
    assert (status, told["error"]["code"]) == (408, "request_timeout")
    assert 0.4 < time.monotonic() - begun < 10


def test_a_body_cut_off_changes_nothing_and_the_server_goes_on(served: Any) -> None:
    before = len(keys.keys(served.team.ws))
    connection = ask(served, "admin", "/api/keys", "Content-Length: 1000", "Content-Type: application/json")
    connection.sendall(b'{"name": "half')
    connection.close()
    connection = ask(served, "admin", "/v1/files", "Content-Length: 1000")
    connection.sendall(b"x" * 10)
    connection.close()
    give_up = time.monotonic() + 10
    while not served.broken and time.monotonic() < give_up:
        time.sleep(0.02)
    assert served.broken == ["ClientDisconnect"]
    assert len(keys.keys(served.team.ws)) == before
    with ask(served, "admin", "/v1/files", "Content-Length: 3", "Connection: close") as connection:
        connection.sendall(b"abc")
        assert answer(connection)[0] == 200


def test_a_body_of_the_whole_limit_passes(served: Any) -> None:
    size = 2 * MEGABYTE
    connection = ask(served, "trainer", "/v1/files", f"Content-Length: {size}", "Connection: close")
    connection.sendall(b"x" * size)
    assert answer(connection) == (200, {"bytes": size})
