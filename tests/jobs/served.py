"""A server over a workspace for tests: the real application on a free port, every caller holding all permissions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from tuneloop.access.permissions import permissions_of
from tuneloop.app.http.application import make_app
from tuneloop.app.http.security import Caller
from tuneloop.app.http.service import Service
from tuneloop.store import Workspace

ADMIN = Caller("user-1", "Ann", "admin", permissions_of("admin"), key="key-1")


def application(ws: Workspace, **parts: Any) -> FastAPI:
    app = make_app(Service(ws, parts))

    @app.middleware("http")
    async def admin(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.caller = ADMIN
        return await call_next(request)

    return app


def client_of(ws: Workspace, **parts: Any) -> TestClient:
    return TestClient(application(ws, **parts), base_url="http://127.0.0.1", raise_server_exceptions=False)


@contextmanager
def served(ws: Workspace, **parts: Any) -> Iterator[str]:
    """The address of a real server in a thread of this process."""
    with served_app(application(ws, **parts)) as address:
        yield address


@contextmanager
def served_app(app: FastAPI) -> Iterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def openai_client(address: str, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="sk-test", max_retries=more.pop("max_retries", 0), **more)


def chat_line(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


def chat_lines(count: int = 12) -> list[dict[str, Any]]:
    names = [
        "cat",
        "dog",
        "mouse",
        "bird",
        "fish",
        "horse",
        "cow",
        "sheep",
        "goat",
        "duck",
        "frog",
        "bee",
        "ant",
        "fox",
    ]
    return [
        chat_line(f"What colour is the {names[n % len(names)]} number {n}?", f"It is colour {n * 7 % 13} of {n}.")
        for n in range(count)
    ]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    file = folder / name
    file.write_bytes(jsonl(rows))
    return file
