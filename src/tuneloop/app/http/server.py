"""One server process: the first admin, the port, uvicorn, and a stop that lets requests finish.

Parts of the service that have a `stop` (plain or async) are stopped at the end, the last one made first.  Runs are
processes of their own and go on.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import ipaddress
import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from tuneloop.access import sign_in
from tuneloop.access.audit import at_the_machine
from tuneloop.access.sign_in import First
from tuneloop.app.http.application import make_app
from tuneloop.app.http.housekeeping import Housekeeper
from tuneloop.app.http.patience import protocol
from tuneloop.app.http.service import Service
from tuneloop.app.http.settings import ServeSettings, keep, rules_for
from tuneloop.app.http.supervising import Supervisor
from tuneloop.errors import ConflictError, UsageError, Where
from tuneloop.models import cores
from tuneloop.runs.executors.local import LocalExecutor
from tuneloop.store import Workspace, settings

PORT = 8400
ADDRESS = "127.0.0.1"
URL = "service_url"
"""The workspace's setting that holds the address of the server that started last, for links made by commands."""
KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep an idle connection: who closes first while the other sends loses a request."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Started:
    """`first` is there on the first start of a workspace alone."""

    url: str
    first: First | None


def serve(
    ws: Workspace,
    announce: Callable[[Started], None],
    *,
    address: str = ADDRESS,
    port: int = PORT,
    names: tuple[str, ...] = (),
    proxies: tuple[str, ...] = (),
    chosen: ServeSettings | None = None,
    parts: Mapping[str, Any] | None = None,
) -> None:
    """Answer until a signal to stop.  `announce` is told once the port takes connections.

    `proxies` are the addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` count; nobody's do otherwise.
    Raises `UsageError` for an address that would be open to others while no admin can sign in, `ConflictError` for a
    port in use.
    """
    chosen = chosen or ServeSettings()
    refuse_open_door(ws, address)
    with _listening(address, port) as listener:
        url = url_of(address, listener.getsockname()[1], names, proxied=bool(proxies))
        settings.set_setting(ws, URL, url)
        keep(ws, chosen)
        supervisor = Supervisor(ws, LocalExecutor(threads=threads_of_jobs(chosen)))
        made = {
            "rules": rules_for(chosen, address, names),
            "supervisor": supervisor,
            "housekeeper": (housekeeper := Housekeeper(ws)),
            "stopping": threading.Event(),
            "closing": threading.Event(),
        }
        service = Service(ws, {**made, **(parts or {})})
        config = config_of(make_app(service), chosen, proxies)
        server = _Server(config, chosen, service.parts["stopping"], service.parts["closing"])
        supervisor.start()
        housekeeper.start()
        # What it gives is shown once: nothing that can fail stands between making and showing it.
        announce(Started(url, sign_in.begin_workspace(ws, at_the_machine())))
        # What is loaded by now stays: looking through all of it stopped every request for 0.1 s now and then.
        gc.collect()
        gc.freeze()
        asyncio.run(_run(server, listener, service))


def threads_of_jobs(chosen: ServeSettings) -> int:
    """Threads of a job's process, 0 for what `OMP_NUM_THREADS` says.

    A job's threads wait for one another, so beside a busy service two on two cores go at the pace of the one that has
    to share: with two a small job kept 28 % of its speed under 300 requests a second, with one 75 %.
    """
    if chosen.job_threads or "OMP_NUM_THREADS" in os.environ:
        return chosen.job_threads
    return max(1, cores.usable() - 1)


def config_of(app: FastAPI, chosen: ServeSettings, proxies: tuple[str, ...]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        http=protocol(chosen.head_seconds),
        ws="none",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=chosen.stop_seconds,
    )


async def _run(server: uvicorn.Server, listener: socket.socket, service: Service) -> None:
    try:
        await server.serve(sockets=[listener])
    finally:
        for part in reversed(list(service.parts.values())):
            stop = getattr(part, "stop", None)
            ended = stop() if callable(stop) else None
            if inspect.isawaitable(ended):
                await ended


class _Server(uvicorn.Server):
    """Ends normally after a signal, where uvicorn would raise the signal again; a second Ctrl+C doesn't wait.

    `stopping` is set by the signal, `closing` when no new request is taken.  The port stays open until those under way
    have ended, so that /readyz can say no to whoever asks.
    """

    def __init__(
        self, config: uvicorn.Config, chosen: ServeSettings, stopping: threading.Event, closing: threading.Event
    ) -> None:
        super().__init__(config)
        self._chosen, self._stopping, self._closing = chosen, stopping, closing
        self._told = 0.0

    async def on_tick(self, counter: int) -> bool:
        if not await super().on_tick(counter):
            return False
        now = time.monotonic()
        self._told = self._told or now
        left = self._told + self._chosen.drain_seconds - now
        if left > 0 and not self.force_exit:
            return False
        self._closing.set()
        waited = self.config.timeout_graceful_shutdown = max(0, round(self._chosen.stop_seconds + left))
        return not self.server_state.tasks or not waited or self.force_exit

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()  # streams that would go on for ever end by it
        super().handle_exit(sig, frame)


def refuse_open_door(ws: Workspace, address: str) -> None:
    if is_local(address) or sign_in.admin_can_enter(ws):
        return
    raise UsageError(
        f"the address {address} can be reached by others, and no admin has a password or a key yet",
        expected="an admin",
        where=Where(field="address"),
        do="Start once without --address, or make an admin's key with: tuneloop keys create",
    )


def is_local(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # a name may come to mean another address at any time


def url_of(address: str, port: int, names: tuple[str, ...] = (), proxied: bool = False) -> str:
    """Where people find the server: under its name, else its address; behind a proxy its name by https."""
    if proxied and names:
        return f"https://{names[0]}"
    try:
        found = ipaddress.ip_address(address)
        host = socket.gethostname() if found.is_unspecified else f"[{found}]" if found.version == 6 else str(found)
    except ValueError:
        host = address
    return f"http://{names[0] if names else host}:{port}"


@contextmanager
def _listening(address: str, port: int) -> Iterator[socket.socket]:
    where = Where(field="address")
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(f"found the address {address!r}, port {port} ({error})", where=where) from None
    family, kind, protocol, _, place = found[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(place)
            listener.listen(2048)
        except OSError as error:
            raise _cannot_listen(error, address, port) from None
        listener.setblocking(False)
        yield listener


def _cannot_listen(error: OSError, address: str, port: int) -> ConflictError | UsageError:
    if error.errno == errno.EADDRINUSE:
        return ConflictError(
            f"port {port} of {address} is in use, perhaps by another tuneloop serve",
            do=f"Stop that program, or take another port: tuneloop serve --port {port + 1}",
        )
    if error.errno == errno.EACCES:
        return UsageError(f"this user may not use port {port}", expected="a port above 1023", where=Where(field="port"))
    return UsageError(
        f"this machine has no address {address} ({error.strerror})",
        expected="127.0.0.1, or an address of this machine",
        where=Where(field="address"),
    )


def log_to_stderr() -> None:
    """Warnings and errors of the server; requests, headers and bodies are not logged."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class OneLine(logging.Formatter):
    """What others sent may stand in a message: it must neither begin a line of its own nor move a terminal's cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _UNSEEN.sub(_escaped, record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return _UNSEEN_BUT_LINES.sub(_escaped, super().formatException(ei))


_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_UNSEEN_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
