"""A server as people run it, and those who would harm it: heads that never end, words in logs, bodies cut off."""

from __future__ import annotations

import io
import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.test_server import Served

from tuneloop.app.http import server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("hostile") / "w", "--port", "0", "--set", "head_seconds=1.5")
    yield found
    found.stop()


def port(served: Served) -> int:
    return int(served.url.rpartition(":")[2])


def key(served: Served) -> str:
    return str(served.told["first"]["key"])


def dial(served: Served) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port(served)))
    connection.settimeout(20)
    return connection


def drips(connection: socket.socket) -> bool:
    """Send one more byte of a method that never ends; False where the other side has closed."""
    try:
        connection.sendall(b"G")
    except OSError:
        return False
    return True


def head(served: Served, path: str = "/readyz", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key(served)}\r\n".encode()


def test_connections_that_never_ask_are_closed(served: Served) -> None:
    """Nothing at all, a byte now and then, and a second request that is not finished on a connection kept open."""
    silent, dripping, second = dial(served), dial(served), dial(served)
    second.sendall(head(served) + b"\r\n")
    told = second.recv(4096)
    while not told.endswith(b"}"):
        told += second.recv(4096)
    assert told.startswith(b"HTTP/1.1 200")
    second.sendall(b"GET /readyz HTT")
    begun = time.monotonic()
    while time.monotonic() < begun + 15 and drips(dripping):
        time.sleep(0.1)
    for one in (silent, second):
        with one:
            assert one.recv(10) == b""
    assert 1.0 < time.monotonic() - begun < 10
    dripping.close()


def test_a_slow_body_and_an_idle_connection_are_not_slow_heads(served: Served) -> None:
    body = json.dumps({"objective": "supervised"}).encode()
    with dial(served) as connection:
        told = head(served, "/api/recipes/train/check", "POST") + b"Content-Type: application/json\r\n"
        connection.sendall(told + f"Content-Length: {len(body)}\r\n\r\n".encode())
        for place in range(len(body)):
            connection.sendall(body[place : place + 1])
            time.sleep(2.5 / len(body))
        assert connection.recv(4096).startswith(b"HTTP/1.1 ")
        time.sleep(2.5)
        connection.sendall(head(served) + b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        b"X-A: " + b"a" * 200_000, b"X: y\r\n" * 40_000, b"Content-Length: " + b"9" * 5000,
        b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: -5", b"Transfer-Encoding: gzip, chunked",
        b"Host: evil.example",
    ],
)  # fmt: skip
def test_heads_that_are_none_are_refused(served: Served, sent: bytes) -> None:
    with dial(served) as connection:
        try:
            connection.sendall(head(served, "/v1/files", "POST") + sent + b"\r\n\r\n")
            told = connection.recv(4096)
        except ConnectionError:  # refused before all of it was sent
            told = b"HTTP/1.1 400"
        assert told.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files/../../etc/passwd", "/v1/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd/content", "/v1/files/..%5c..%5cx",
        "/v1/models/%2e%2e/%2e%2e/etc/passwd", "/api/evaluations/..%2f..%2fx/page", "/api/recipes/..%2f..%2fx",
        "/api/members/..%2f..%2f..%2fetc", "/api/files/..%2f..%2fx/preview", "/api/records/..%2f..%2fx",
        "/v1/files/%ff%fe", "/v1/files/a%1b%5b2J%0aERROR%20x", "//etc/passwd", "/v1/files/" + "a" * 50_000,
    ],
)  # fmt: skip
def test_ids_that_would_be_paths_name_nothing(served: Served, path: str) -> None:
    with dial(served) as connection:
        connection.sendall(head(served, path) + b"Connection: close\r\n\r\n")
        told = b""
        while piece := connection.recv(65536):
            told += piece
    assert told.split(b" ")[1] in (b"404", b"400"), told[:300]
    assert set(json.loads(told.partition(b"\r\n\r\n")[2])["error"]) >= {"message", "type", "param", "code"}


def test_what_is_cut_off_or_unknown_leaves_no_traceback_in_the_log(served: Served) -> None:
    with dial(served) as connection:
        told = head(served, "/v1/files", "POST") + b"Content-Type: multipart/form-data; boundary=x\r\n"
        connection.sendall(told + b'Content-Length: 5000\r\n\r\n--x\r\nContent-Disposition: form-data; name="file"')
        time.sleep(0.3)
    with dial(served) as connection:
        connection.sendall(head(served, "/v1/files/a%0aERROR%20everything%20is%20lost") + b"Connection: close\r\n\r\n")
        connection.recv(4096)
    with served.client(key(served)) as client:
        assert client.get("/readyz").status_code == 200
    said = served.said()
    assert "Traceback" not in said
    assert "\nERROR everything" not in said


def test_a_message_of_the_log_is_one_line() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(server.OneLine("%(message)s"))
    log = logging.getLogger("tests.hostile")
    log.addHandler(handler)
    try:
        raise ValueError("a\x1b[2Jb")
    except ValueError:
        log.exception("GET %s", "/a\nERROR root: all is lost\x1b[31m\u202e")
    finally:
        log.removeHandler(handler)
    first, *rest = out.getvalue().splitlines()
    assert first == r"GET /a\nERROR root: all is lost\x1b[31m\u202e"
    assert rest[0] == "Traceback (most recent call last):"
    assert "\x1b" not in out.getvalue()


def test_a_name_of_a_file_is_never_a_header_or_a_path(served: Served, tmp_path: Path) -> None:
    row = json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})
    name = "../../\u202egnp.exe\\..\\a\x1b[2J\r\nX-Evil: 1.jsonl"
    with served.client(key(served)) as client:
        made = client.post("/v1/files", files={"file": (name, row * 1)}, data={"purpose": "fine-tune"})
        found = client.get("/v1/files").json()["data"]
        for one in found:
            assert not set("/\\\r\n\x1b\u202e") & set(one["filename"])
            content = client.get(f"/v1/files/{one['id']}/content")
            assert "content-disposition" not in content.headers
            assert "x-evil" not in content.headers
    assert made.status_code in (200, 400)
