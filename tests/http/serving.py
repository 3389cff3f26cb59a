"""A real server on a free port in a thread, for tests that talk to it by HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import openai
import uvicorn

from tuneloop.access.permissions import Role, permissions_of
from tuneloop.app.http.answers import Answers
from tuneloop.app.http.application import make_app
from tuneloop.app.http.security import Caller
from tuneloop.app.http.service import Service


class As:
    """Lets every request come from one caller."""

    def __init__(self, app: Any, role: Role = "admin") -> None:
        self.app, self.caller = app, Caller("user-1", "Li Na", role, permissions_of(role))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["caller"] = self.caller
        await self.app(scope, receive, send)


@dataclass
class Running:
    port: int
    service: Service
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def answers(self) -> Answers:
        found: Answers = self.service.parts["answers"]
        return found

    def client(self, **more: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key="none", max_retries=0, **more)

    def on_loop(self, work: Any) -> Any:
        """The result of a coroutine of the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@contextmanager
def running(service: Service) -> Iterator[Running]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(As(make_app(service)), log_level="warning", lifespan="off"))
    started: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        started.append(asyncio.get_running_loop())
        await server.serve(sockets=[listening])
        if "answers" in service.parts:
            await service.parts["answers"].stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield Running(listening.getsockname()[1], service, started[0])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
