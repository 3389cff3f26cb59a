"""Loaded bases: loaded by the first request, shared by all, and given up when memory is short.

A base is known by a key.  Who asks for one that is not there loads it, and whoever comes meanwhile waits for the same
loading, for a limited time.  Before a load the least used bases that nobody is asking leave, until there is room; where
all are being asked, the request waits for one of them, and is told so when the time is over.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuneloop.config import Settings, setting
from tuneloop.errors import TuneloopError
from tuneloop.models import room
from tuneloop.serve.asking import Ask, Failed, Told
from tuneloop.serve.backend import Backend

RUNTIME = 350_000_000
"""Bytes of a process beside its weights: Python, torch, buffers (measured on CPU)."""
KEPT = 500_000_000
"""Bytes of the machine's memory that loading leaves free."""
PAUSE = 0.05
TIDY_SECONDS = 10.0


class HostSettings(Settings):
    """How bases are held."""

    memory_gb: float | None = setting(
        None, gt=0, en="memory for loaded bases, 10⁹ bytes; none: what the machine has free",
        zh="已加载基座可用内存（10⁹ 字节）；缺省为机器空闲内存",
    )  # fmt: skip
    load_seconds: float = setting(
        300.0, gt=0, en="how long a request waits for its base to be loaded", zh="请求等待基座加载的最长秒数"
    )
    idle_seconds: float | None = setting(
        None,
        gt=0,
        en="a base that nobody asked for so long leaves; none: never",
        zh="空闲超过该秒数的基座将卸载；缺省不卸载",
    )


class HostError(TuneloopError):
    """A base cannot be had."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


@dataclass
class Host:
    """A base that is loaded or on its way; `users` counts the requests that hold it."""

    key: str
    size: int
    backend: Backend
    users: int = 0
    used: float = field(default_factory=time.monotonic)
    started: asyncio.Future[None] | None = None


class Hosts:
    """`make` gives the backend for a key, not started, and the bytes that it will take."""

    def __init__(self, make: Callable[[str], tuple[Backend, int]], settings: HostSettings | None = None) -> None:
        self.make, self.settings = make, settings or HostSettings()
        self._hosts: dict[str, Host] = {}
        self._making_room = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tidying = False

    @property
    def loaded(self) -> list[Host]:
        """Bases that are ready, the one used last at the end."""
        ready = [host for host in self._hosts.values() if host.backend.ready is not None and not host.backend.over]
        return sorted(ready, key=lambda host: host.used)

    async def ask(self, key: str, ask: Ask) -> AsyncGenerator[Told]:
        """What a base tells to an ask; leaving early stops it.  A base that cannot be had is told as a failure."""
        try:
            async with self._using(key) as host, aclosing(host.backend.ask(ask)) as telling:
                async for told in telling:
                    yield told
        except HostError as error:
            yield error.failed

    async def load(self, key: str) -> Host:
        """Have a base loaded, ahead of requests; raises HostError."""
        async with self._using(key) as host:
            return host

    async def unload(self, key: str) -> bool:
        """Let a base go; what it is answering fails.  False where it was not loaded."""
        host = self._hosts.pop(key, None)
        if host is None:
            return False
        await host.backend.stop()
        return True

    async def drop(self, adapter: str) -> None:
        """Every base lets go of an adapter that was removed."""
        for host in self.loaded:
            await host.backend.drop(adapter)

    async def stop(self) -> None:
        """Let all go."""
        await asyncio.gather(*(self.unload(key) for key in list(self._hosts)))

    async def tidy(self) -> None:
        """Let go of bases that have been idle for too long; while bases are held this is done by itself."""
        limit = self.settings.idle_seconds
        for host in self.loaded:
            if limit is not None and not host.users and time.monotonic() - host.used > limit:
                await self.unload(host.key)

    async def _stay_tidy(self) -> None:
        """Look for idle bases until none is left."""
        self._tidying = True
        try:
            while self._hosts:
                await asyncio.sleep(min((self.settings.idle_seconds or TIDY_SECONDS) / 2, TIDY_SECONDS))
                await self.tidy()
        finally:
            self._tidying = False

    @asynccontextmanager
    async def _using(self, key: str) -> AsyncIterator[Host]:
        host = self._hosts.get(key)
        if host is None or host.backend.over:
            host = self._begin(key)
        host.users += 1
        try:
            await self._wait(host)
            yield host
        finally:
            host.users -= 1
            host.used = time.monotonic()

    def _begin(self, key: str) -> Host:
        """A host whose loading goes on by itself, whoever stops waiting for it."""
        backend, size = self.make(key)
        host = self._hosts[key] = Host(key, size, backend)
        host.started = asyncio.get_running_loop().create_future()
        if self.settings.idle_seconds is not None and not self._tidying:
            self._keep(self._stay_tidy())
        self._keep(self._start(host))
        return host

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """A task that is held until it is done: the loop itself would forget it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, host: Host) -> None:
        assert host.started is not None
        try:
            async with asyncio.timeout(self.settings.load_seconds):
                async with self._making_room:
                    await self._make_room(host)
                    await host.backend.start()
            host.started.set_result(None)
        except TimeoutError:
            await self._give_up(host, Failed(
                503, "model_loading", f"{host.key} could not be loaded within {self.settings.load_seconds:g} s."
            ))  # fmt: skip
        except HostError as error:
            await self._give_up(host, error.failed)
        except TuneloopError as error:
            await self._give_up(host, Failed(503, "model_not_loaded", str(error)))
        except BaseException as error:
            await self._give_up(host, Failed(500, "internal_error", f"{host.key} could not be loaded."))
            raise error

    async def _give_up(self, host: Host, failed: Failed) -> None:
        if self._hosts.get(host.key) is host:
            del self._hosts[host.key]
        if host.started is not None and not host.started.done():
            host.started.set_exception(HostError(failed))
            host.started.exception()  # it counts as seen, also where nobody waits any more
        await host.backend.stop()

    async def _wait(self, host: Host) -> None:
        """Until the host is ready; raises HostError.  Its loading ends in any case: it has a limit of time."""
        if host.started is not None:
            await asyncio.shield(host.started)

    async def _make_room(self, host: Host) -> None:
        """Let unused bases go until `host` fits; wait for one where all are in use."""
        while host.backend.local and (missing := self._missing(host)) > 0:
            others = [one for one in self.loaded if one is not host and one.backend.local]
            if not others:
                raise HostError(Failed(
                    503, "not_enough_memory",
                    f"{host.key} needs {room.size(host.size)} of memory, {room.size(missing)} more than there is.",
                ))  # fmt: skip
            unused = [one for one in others if not one.users]
            if unused:
                await self.unload(unused[0].key)
            else:
                await asyncio.sleep(PAUSE)

    def _missing(self, host: Host) -> int:
        """Bytes that are lacking for a host; 0 or less where it fits."""
        if self.settings.memory_gb is not None:
            held = sum(
                max(one.size, one.backend.memory) for one in self.loaded if one.backend.local and one is not host
            )
            return held + host.size - int(self.settings.memory_gb * 1e9)
        free = room.free()
        return 0 if free is None else host.size + KEPT - free


def weights_size(folder: Path, bytes_each: int | None = None) -> int:
    """Bytes that a model's process takes: its files' weights, in a format of `bytes_each` where that is known."""
    held = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    try:
        settings: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    stored = 4 if (settings.get("dtype") or settings.get("torch_dtype")) == "float32" else 2
    return held * (bytes_each or 4) // stored + RUNTIME
