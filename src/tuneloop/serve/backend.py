"""The contract of what answers for a loaded base: our engine in a process, an endpoint elsewhere, or a pretence.

    await backend.start()                loaded, or an error
    async for told in backend.ask(ask)   Began, Piece, …, Ended; leaving early stops the work
    await backend.stop()                 everything is given back

All methods belong to one event loop.  A backend says what ends it in `over`: who asks afterwards gets a new one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator
from typing import ClassVar

from pydantic import PrivateAttr

from tuneloop.registry import Member, Registry
from tuneloop.serve.asking import Ask, Ready, Told
from tuneloop.wording import Words


class Backend(Member):
    title: ClassVar[Words]
    local: ClassVar[bool] = False
    """Whether it takes memory of this machine."""

    _ready: Ready | None = PrivateAttr(default=None)

    @property
    def ready(self) -> Ready | None:
        """What was loaded; None before, and where nobody tells."""
        return self._ready

    @property
    def over(self) -> bool:
        """Whether it has ended and can answer nothing more."""
        return False

    @property
    def memory(self) -> int:
        """Bytes of this machine that it holds."""
        return 0

    @abstractmethod
    async def start(self) -> None:
        """Get ready; raises TuneloopError where that fails."""

    @abstractmethod
    def ask(self, ask: Ask) -> AsyncGenerator[Told]:
        """What comes of an ask."""

    async def drop(self, adapter: str) -> None:
        """Let go of an adapter that was removed."""
        return

    @abstractmethod
    async def stop(self) -> None:
        """End it; what it was writing fails."""


backends = Registry("tuneloop.serve.backends", Backend)
