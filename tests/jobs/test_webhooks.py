"""Addresses that are told of jobs: those inside the network are refused, and none can hold the server up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneloop.app.http import housekeeping
from tuneloop.app.http.housekeeping import Housekeeper
from tuneloop.errors import UsageError
from tuneloop.jobs import keeping, webhooks
from tuneloop.store import Workspace
from tuneloop.store.settings import set_setting


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path) as found:
        yield found


INSIDE = [
    "127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "[::1]", "[fd00::1]", "[fe80::1]",
    "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "localhost", "2130706433",
    "0x7f.1",
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_addresses_inside_the_network_are_refused_however_they_are_written(ws: Workspace, host: str) -> None:
    with pytest.raises(UsageError):
        webhooks.add(ws, name="", url=f"https://{host}/hook")
    assert webhooks.listed(ws) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/", "ftp://1.1.1.1/", "https://ada:secret@1.1.1.1/", "https://1.1.1.1/é", "https://1.1.1.1/a b",
        "https://1.1.1.1/a\r\nX: y", "https://1.1.1.1/\x1b", "https://1.1.1.1:99999/", "https:///a", "file:///etc/passwd",
        "https://[1.1.1.1/", "gopher://1.1.1.1:25/_EHLO",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(ws: Workspace, url: str) -> None:
    with pytest.raises(UsageError):
        webhooks.add(ws, name="", url=url)


def test_a_receiver_that_drips_is_left(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its bytes comes in time; the answer as a whole does not."""
    monkeypatch.setattr(webhooks, "WHOLE_SECONDS", 1.0)
    set_setting(ws, webhooks.PRIVATE, True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 ")
                while not over.wait(0.1):
                    try:
                        connection.sendall(b"a")
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises((OSError, webhooks.http.client.HTTPException)):
            webhooks.post(ws, f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {})
        over.set()
        assert time.monotonic() - begun < 20


def test_a_bug_does_not_end_the_housekeeping(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []

    def broken(_: Workspace) -> None:
        rounds.append(1)
        raise UnicodeEncodeError("ascii", "é", 0, 1, "a bug")

    monkeypatch.setattr(keeping, "keep_up", broken)
    monkeypatch.setattr(housekeeping, "SECONDS", 0.01)
    housekeeper = Housekeeper(ws)
    housekeeper.start()
    until = time.monotonic() + 10
    while len(rounds) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    housekeeper.stop()
    assert len(rounds) >= 3
