from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.errors import ModelError, TuneloopError
from tuneloop.serve.asking import (
    LENGTH,
    MOST,
    Ask,
    Cancel,
    Drop,
    Failed,
    Ready,
    Told,
    decode_batch,
    frame,
)
from tuneloop.serve.backend import Backend
from tuneloop.serve.mailbox import Mailbox
from tuneloop.wording import Words

STOPPING = 5.0
"""Seconds that a process gets to end by itself."""


class ProcessBackend(Backend):
    """Our engine over one base, in a process of its own: it may be killed, run out of memory or crash, and only the
    requests in work fail."""

    title: ClassVar[Words] = Words("our engine", "内置引擎")
    help: ClassVar[Words] = Words(
        "One process per base; its adapters share it, and share its batches.",
        "每个基座一个进程；其适配器共享该进程并混合成批。",
    )
    local: ClassVar[bool] = True
    workspace: str = setting("", en="folder of the workspace", zh="工作区目录")
    base: str = setting("starter", en="what it loads", zh="要加载的基座")
    load: dict[str, Any] = setting({}, en="passed on to the loading (dtype, device)", zh="加载参数（dtype、device）")
    adapters: int = setting(32, ge=1, en="adapters held at a time", zh="同时持有的适配器数")
    log: str = setting("", en="file for its messages; empty: standard error", zh="日志文件；空为标准错误输出")

    _process: Any = PrivateAttr(default=None)
    _writer: Any = PrivateAttr(default=None)
    _reading: Any = PrivateAttr(default=None)
    _boxes: dict[int, Mailbox] = PrivateAttr(default_factory=dict)
    _last: int = PrivateAttr(default=0)
    _over: bool = PrivateAttr(default=False)

    @property
    def over(self) -> bool:
        return self._over

    @property
    def pid(self) -> int | None:
        return None if self._process is None else int(self._process.pid)

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        settings = json.dumps({"load": self.load, "adapters": self.adapters})
        with theirs, contextlib.ExitStack() as files:
            log = files.enter_context(Path(self.log).open("ab")) if self.log else None
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tuneloop.serve.hosting",
                self.workspace, self.base, str(theirs.fileno()), settings,
                pass_fds=[theirs.fileno()], stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        try:
            told = (await _batch(reader))[0][1]
        except (asyncio.IncompleteReadError, ConnectionError):
            told = Failed(503, "engine_stopped", f"the process that loaded {self.base!r} ended before it was ready")
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not isinstance(told, Ready):
            await self.stop()
            raise ModelError(told.message if isinstance(told, Failed) else f"{self.base!r} could not be loaded")
        self._ready = told
        self._reading = asyncio.create_task(self._read(reader))

    async def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        self._last += 1
        ask.id = self._last
        box = self._boxes[ask.id] = Mailbox(ask.choices)
        ended = False
        try:
            if self._over:
                box.put(STOPPED)
            else:
                try:
                    self._writer.write(frame(ask))
                except (UnicodeEncodeError, OverflowError) as error:  # half a character, a number of 65 bits
                    box.put(Failed(400, "invalid_value", f"The request holds what cannot be read: {error}."))
            while not ended:
                told = await box.take()
                ended = box.last(told)
                yield told
        finally:
            del self._boxes[ask.id]
            if not ended and not self._over:
                self._writer.write(frame(Cancel(ask.id)))

    async def drop(self, adapter: str) -> None:
        if not self._over:
            self._writer.write(frame(Drop(adapter)))

    async def stop(self) -> None:
        self._over = True
        if self._writer is not None:
            self._writer.close()
        if self._process is not None and self._process.returncode is None:
            try:
                async with asyncio.timeout(STOPPING):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Sort what the process tells into the boxes; its end fails every request in work."""
        try:
            while True:
                for name, told in await _batch(reader):
                    box = self._boxes.get(name)
                    if box is not None:
                        box.put(told)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._over = True
            for box in self._boxes.values():
                box.put(STOPPED)
            self._writer.close()
            await self._process.wait()


STOPPED = Failed(
    503, "engine_stopped", "The engine that was answering has ended. The next request starts it again; ask once more."
)


async def _batch(reader: asyncio.StreamReader) -> list[tuple[int, Told]]:
    size = int.from_bytes(await reader.readexactly(LENGTH), "big")
    if size > MOST:
        raise TuneloopError(f"a message of {size} bytes came from an engine")
    return decode_batch(await reader.readexactly(size))
