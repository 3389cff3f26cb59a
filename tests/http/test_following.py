"""Many who follow one job: it is looked at for all of them together, and what that brings or breaks reaches each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.test_jobs import chat_lines, client_of, create, upload

from tuneloop.app.http.openai import following
from tuneloop.app.http.openai.streaming import stream
from tuneloop.store import Workspace, jobs

pytestmark = pytest.mark.anyio
MANY = 40


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as found:
        yield found


@pytest.fixture
def job(ws: Workspace) -> jobs.Job:
    client = client_of(ws)
    name = create(client, upload(client, chat_lines())).json()["id"]
    client.post(f"/v1/fine_tuning/jobs/{name}/pause")
    return jobs.job(ws, name)


async def read(ws: Workspace, job: jobs.Job, until: bytes, stopping: threading.Event | None = None) -> bytes:
    told, events = b"", stream(ws, job, 0, stopping)
    try:
        async for piece in events:
            told += piece
            if until in told:
                break
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    return told


async def test_one_look_serves_all(ws: Workspace, job: jobs.Job, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    real = following.rows.pulse

    def counted(ws: Workspace, identity: str) -> Any:
        looks.append(identity)
        return real(ws, identity)

    monkeypatch.setattr(following.rows, "pulse", counted)
    monkeypatch.setattr(following, "POLL", 0.2)
    readers = [asyncio.ensure_future(read(ws, job, b"the last word")) for _ in range(MANY)]
    await asyncio.sleep(1.1)
    assert 3 <= len(looks) <= 8
    before = len(looks)
    with ws.db.write() as connection:
        jobs.tell(connection, job.id, "the last word")
    told = await asyncio.gather(*readers)
    assert len(looks) - before <= 5
    assert len(set(told)) == 1
    assert told[0].endswith(b"\n\n")
    await asyncio.sleep(0)
    assert following._followed[asyncio.get_running_loop()] == {}


async def test_what_breaks_the_look_ends_every_stream(
    ws: Workspace, job: jobs.Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POLL", 0.2)
    readers = [asyncio.ensure_future(read(ws, job, b"never")) for _ in range(5)]
    await asyncio.sleep(0.5)
    real = following.rows.pulse

    def away(*_: object) -> Any:
        raise ConnectionError("the database is away")

    monkeypatch.setattr(following.rows, "pulse", away)
    told = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(one) for one in told] == [ConnectionError] * 5
    monkeypatch.setattr(following.rows, "pulse", real)
    with ws.db.write() as connection:
        jobs.tell(connection, job.id, "back again")
    assert b"back again" in await read(ws, job, b"back again")


async def test_a_server_that_stops_ends_them_soon(ws: Workspace, job: jobs.Job) -> None:
    stopping = threading.Event()
    readers = [asyncio.ensure_future(read(ws, job, b"never", stopping)) for _ in range(5)]
    await asyncio.sleep(0.3)
    stopping.set()
    async with asyncio.timeout(5):
        told = await asyncio.gather(*readers)
    assert all(b"[DONE]" not in one for one in told)
