"""`tuneloop serve` as people run it: a process of its own, a port, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from tests.http.team import make_team

from tuneloop.access import audit, keys, people, sign_in
from tuneloop.access.audit import Actor
from tuneloop.app.cli.main import main
from tuneloop.app.http import server
from tuneloop.app.http.settings import ServeSettings
from tuneloop.errors import ConflictError, UsageError
from tuneloop.runs import queue
from tuneloop.store import Workspace

COMMAND = [sys.executable, "-m", "tuneloop"]
SYSTEM = Actor(None, "test")


class Served:
    """A running `tuneloop serve`; `told` is the document it printed."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.log = (folder.parent / "serve.log").open("a")
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "-w", str(folder), "--json", *more],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        text = ""
        while not text.rstrip().endswith("\n}"):
            line = self.process.stdout.readline()
            assert line, f"it ended with {self.process.wait()}: {self.said()}"
            text += line
        self.told: dict[str, Any] = json.loads(text)
        self.url = str(self.told["url"])

    def said(self) -> str:
        return (self.folder.parent / "serve.log").read_text()

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def stop(self, sign: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sign)
        code = self.process.wait(60)
        self.log.close()
        return code


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Served]]:
    made: list[Served] = []
    yield made
    for one in made:
        one.stop(signal.SIGKILL)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
def test_the_first_start_lets_one_in_once(tmp_path: Path, started: list[Served]) -> None:
    folder = tmp_path / "w"
    first = Served(folder, "--port", "0")
    started.append(first)
    shown = first.told["first"]
    with first.client(shown["key"]) as client:
        me = client.get("/api/session").json()
        assert (me["person"]["name"], me["person"]["role"], me["key"]) == ("admin", "admin", "key-1")
    page, _, secret = shown["sign_in"].partition("#")
    with first.client() as browser:
        assert browser.get(page).status_code == 200
        assert browser.post("/api/session", json={"link": secret}).status_code == 200
        assert browser.get("/api/session").json()["session"]
        assert browser.post("/api/session", json={"link": secret}).status_code == 401
        csrf = browser.get("/api/session").json()["csrf"]
        assert browser.post("/api/keys", json={"name": "mine"}).status_code == 403
        assert browser.post("/api/keys", json={"name": "mine"}, headers={"x-csrf-token": csrf}).status_code == 200

        taken = command("serve", "-w", str(folder), "--port", first.url.rpartition(":")[2])
        assert taken.returncode == 1
        assert "is in use" in taken.stderr
        assert len(taken.stderr.splitlines()) == 1

        second = Served(folder, "--port", "0")  # on the same workspace, another port
        started.append(second)
        assert second.told["first"] is None
        with second.client(shown["key"]) as client:
            assert client.get("/api/session").status_code == 200
        made = command("keys", "create", "-w", str(folder), "--name", "ci", "--scope", "models:read", "--json")
        key = json.loads(made.stdout)
        assert made.stderr == ""
        with second.client(key["secret"]) as client:
            assert client.get("/api/session").json()["permissions"] == ["models:read"]
            assert command("keys", "revoke", "-w", str(folder), key["id"]).returncode == 0
            time.sleep(1.1)  # another process revoked it: within a second
            assert client.get("/api/session").status_code == 401
        assert second.stop() == 0
        link = command("keys", "link", "-w", str(folder), "--json")
        assert json.loads(link.stdout)["url"].startswith(f"{second.url}/sign-in#ln-")

    assert first.stop() == 0
    said = first.said()
    for hidden in (shown["key"], secret, key["secret"]):
        assert hidden not in said
        assert not [one for one in folder.rglob("*") if one.is_file() and hidden.encode() in one.read_bytes()]


def test_a_stop_finishes_requests_under_way(tmp_path: Path, started: list[Served]) -> None:
    """A request whose body is still on its way when SIGTERM comes is answered; later ones are told to come again, and
    whoever asks whether the server is ready hears no."""
    served = Served(tmp_path / "w", "--port", "0")
    started.append(served)
    port = int(served.url.rpartition(":")[2])
    body = json.dumps({"name": "late"}).encode()
    head = (
        f"POST /api/keys HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {served.told['first']['key']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + body[:5])
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        assert served.process.poll() is None
        with served.client(served.told["first"]["key"]) as client:
            assert client.get("/healthz").status_code == 200
            for path, code in (("/readyz", "not_ready"), ("/v1/models", "server_stopping")):
                answer = client.get(path)
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
                assert answer.headers["retry-after"] == "1"
        connection.sendall(body[5:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert served.stop() == 0


def test_a_load_balancer_is_given_time_to_notice(tmp_path: Path, started: list[Served]) -> None:
    served = Served(tmp_path / "w", "--port", "0", "--set", "drain_seconds=2")
    started.append(served)
    with served.client(served.told["first"]["key"]) as client:
        assert client.get("/readyz").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        until_no = [client.get("/readyz").status_code for _ in range(3)]
        assert until_no[-1] == 503
        assert client.get("/v1/models").status_code == 200  # what still comes is answered
        assert served.process.wait(30) == 0
        assert time.monotonic() - begun > 1.9
        with pytest.raises(httpx.ConnectError):
            client.get("/readyz")


def test_a_request_that_never_ends_does_not_keep_it_for_ever(tmp_path: Path, started: list[Served]) -> None:
    served = Served(tmp_path / "w", "--port", "0", "--set", "stop_seconds=1")
    started.append(served)
    port = int(served.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        head = f"POST /api/keys HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.told['first']['key']}"
        connection.sendall(f"{head}\r\nContent-Length: 10\r\n\r\n".encode())
        time.sleep(0.3)
        begun = time.monotonic()
        assert served.stop(signal.SIGINT) == 0
        assert time.monotonic() - begun < 15


@pytest.mark.slow
def test_a_killed_server_leaves_a_workspace_that_the_next_one_serves(tmp_path: Path, started: list[Served]) -> None:
    first = Served(tmp_path / "w", "--port", "0")
    started.append(first)
    key = first.told["first"]["key"]
    with first.client(key) as client:
        made = client.post("/api/keys", json={"name": "kept"}).json()
    first.stop(signal.SIGKILL)
    port = first.url.rpartition(":")[2]
    again = Served(tmp_path / "w", "--port", port)  # the same port, at once
    started.append(again)
    assert again.told["first"] is None
    with again.client(made["secret"]) as client:
        assert client.get("/api/session").status_code == 200
    assert again.stop() == 0


def test_a_queued_run_is_started_and_goes_on_without_the_server(tmp_path: Path, started: list[Served]) -> None:
    """The run is of a kind that no stage knows, so its process ends it as failed: a process was there for it."""
    served = Served(tmp_path / "w", "--port", "0")
    started.append(served)
    with Workspace.find(tmp_path / "w") as ws:
        run = queue.submit(ws, "no such kind", {})
        give_up = time.monotonic() + 60
        while queue.show(ws, run).state == "queued" and time.monotonic() < give_up:
            time.sleep(0.1)
        assert served.stop() == 0
        while queue.show(ws, run).state not in ("failed", "succeeded") and time.monotonic() < give_up:
            time.sleep(0.1)
        shown = queue.show(ws, run)
        assert (shown.state, shown.attempt) == ("failed", 1)
        owner = shown.owner
        assert owner is not None
        assert owner["pid"] not in (os.getpid(), served.process.pid)


@pytest.mark.parametrize(
    ("usable", "chosen", "said", "threads"),
    [(8, 0, None, 7), (1, 0, None, 1), (8, 3, None, 3), (8, 0, "2", 0), (8, 3, "2", 3)],
)
def test_jobs_leave_a_core_to_the_service(
    monkeypatch: pytest.MonkeyPatch, usable: int, chosen: int, said: str | None, threads: int
) -> None:
    monkeypatch.setattr(server.cores, "usable", lambda: usable)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert server.threads_of_jobs(ServeSettings(job_threads=chosen)) == threads


def test_an_open_door_needs_an_admin_who_can_lock_it(tmp_path: Path) -> None:
    with Workspace.find(tmp_path / "w") as ws:
        for address in ("0.0.0.0", "::", "192.168.1.5", "example.org"):
            with pytest.raises(UsageError, match="no admin has a password or a key yet"):
                server.refuse_open_door(ws, address)
        for address in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
            server.refuse_open_door(ws, address)
        admin = people.create(ws, SYSTEM, "Ada", "admin")
        trainer = people.create(ws, SYSTEM, "Bo", "trainer", "correct horse battery")
        keys.create(ws, SYSTEM, trainer.id, "no admin's")
        key, _ = keys.create(ws, SYSTEM, admin.id, "laptop")
        server.refuse_open_door(ws, "0.0.0.0")
        keys.revoke(ws, SYSTEM, key.id)
        with pytest.raises(UsageError, match=r"0\.0\.0\.0 can be reached by others"):
            server.refuse_open_door(ws, "0.0.0.0")
        people.set_password(ws, SYSTEM, admin.id, "correct horse battery")
        server.refuse_open_door(ws, "0.0.0.0")
    refused = command("serve", "-w", str(tmp_path / "other"), "--address", "0.0.0.0")
    assert refused.returncode == 2
    assert "tuneloop keys create" in refused.stderr


def test_an_address_that_is_not_there_and_a_port_in_use_are_sentences(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(ConflictError, match=f"port {port} of 127.0.0.1 is in use"),
            server._listening("127.0.0.1", port),
        ):
            pass
    with pytest.raises(UsageError, match=r"no address 192\.0\.2\.1"), server._listening("192.0.2.1", 0):
        pass
    with (
        pytest.raises(UsageError, match=r"found the address 'no\.such\.invalid'"),
        server._listening("no.such.invalid", 0),
    ):
        pass


def test_the_url_is_where_people_find_it() -> None:
    assert server.url_of("127.0.0.1", 8400) == "http://127.0.0.1:8400"
    assert server.url_of("::1", 8400) == "http://[::1]:8400"
    assert server.url_of("0.0.0.0", 80, ("lab.example",)) == "http://lab.example:80"
    assert server.url_of("127.0.0.1", 8400, ("lab.example",), proxied=True) == "https://lab.example"
    assert server.url_of("0.0.0.0", 80) == f"http://{socket.gethostname()}:80"


@pytest.mark.parametrize(
    ("proxies", "address", "cookie"), [((), "10.0.0.1", "tuneloop_"), (("10.0.0.1",), "9.9.9.9", "__Host-")]
)
def test_headers_of_a_proxy_count_only_where_it_was_named(
    tmp_path: Path, proxies: tuple[str, ...], address: str, cookie: str
) -> None:
    team = make_team(tmp_path)
    config = server.config_of(team.app, ServeSettings(), proxies)
    config.load()
    client = TestClient(config.loaded_app, base_url="http://127.0.0.1:8400", client=("10.0.0.1", 5))  # type: ignore[arg-type]
    link = sign_in.make_link(team.ws, SYSTEM, team.people["viewer"])
    sent = {"x-forwarded-for": "9.9.9.9", "x-forwarded-proto": "https"}
    answer = client.post("/api/session", json={"link": link}, headers=sent)
    assert answer.headers["set-cookie"].startswith(cookie)
    assert audit.entries(team.ws, action="session.begin")[0].address == address


def test_settings_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, sentence in (("requests_per_minute=0", "requests_per_minute"), ("request_per_minute=5", "Did you mean")):
        assert main(["serve", "-w", str(tmp_path / "w"), "--set", wrong]) == 2
        assert sentence in capsys.readouterr().err


def test_keys_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "w")
    assert main(["keys", "-w", folder]) == 1  # no workspace is made by looking
    capsys.readouterr()
    assert main(["keys", "create", "-w", folder, "--days", "2", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["secret"].startswith(made["prefix"])
    assert main(["keys", "-w", folder, "--json"]) == 0
    listed = capsys.readouterr().out
    assert made["secret"] not in listed
    assert [one["id"] for one in json.loads(listed)] == [made["id"]]
    for words in (["destroy"], ["revoke"], ["list", "key-1"], ["create", "--scope", "jobs:wirte"]):
        assert main(["keys", *words, "-w", folder]) == 2
    assert main(["keys", "revoke", "key-9", "-w", folder]) == 1
    assert main(["keys", "create", "--person", "nobody", "-w", folder]) == 1
    assert main(["keys", "revoke", made["id"], "-w", folder]) == 0
    with Workspace.find(folder) as ws:
        assert keys.find(ws, made["id"]).revoked is not None
        assert audit.entries(ws)[0].name.endswith("(command line)")


def test_the_api_process_loads_no_torch() -> None:
    """It would take 3 s and 200 MB; bases answer and runs train in processes of their own."""
    code = (
        "import sys; from tuneloop.app.http import application, server; list(application.routers()); "
        "print([name for name in ('torch', 'transformers', 'duckdb') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
