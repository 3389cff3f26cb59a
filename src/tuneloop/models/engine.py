"""The contract of an engine: requests go in, events come out, many at a time over one loaded base.

    engine.submit(request)  → a handle         engine.events(handle) → Token, …, Finished
    engine.cancel(handle)                      engine.adapters: names that a request may ask for

An engine has no thread of its own: whoever reads events drives it, and drives all other requests along.  Reading from
several threads is safe.  What an engine can do it says in `capabilities`; what it cannot it refuses by name.
"""

from __future__ import annotations

import itertools
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import PrivateAttr

from tuneloop.errors import NotFoundError, UsageError, nearest
from tuneloop.models.sampling import Sampling
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

Reason = Literal["stop", "length", "cancelled"]
Capability = Literal["mixed_adapters", "seed", "logprobs", "batch", "cancel"]


@dataclass(frozen=True)
class Request:
    """`prompt` are token ids; `adapter` names one that the engine holds (None: the base alone).

    Without `stream` only the end is told, and no token becomes text before: for many answers that nobody reads along.
    """

    prompt: Sequence[int]
    sampling: Sampling = field(default_factory=Sampling)
    adapter: str | None = None
    stream: bool = True


@dataclass(frozen=True)
class Token:
    """One more token; `text` is what it adds to the answer (empty in the middle of a character or a stop text).

    `logprob` is the natural logarithm of its probability under the model, before temperature and nucleus; `top` the
    most likely tokens of the place with theirs, where the request asked for them.
    """

    id: int
    text: str
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Finished:
    """The end of a request: why, the whole text, and its ids (the end token among them, when it was written)."""

    reason: Reason
    text: str
    ids: tuple[int, ...]
    prompt_tokens: int


Event = Token | Finished


def check_room(request: Request, most: int) -> None:
    """Raises UsageError where a prompt leaves no room for an answer among `most` positions."""
    if len(request.prompt) >= most:
        raise UsageError(f"the prompt has {len(request.prompt)} tokens", expected=f"fewer than {most} for this model")


class Engine(Member):
    """A member names its capabilities and implements `_admit` and `_advance`; queues and locking are here."""

    capabilities: ClassVar[frozenset[Capability]]
    title: ClassVar[Words]

    _lock: Any = PrivateAttr(default_factory=threading.RLock)
    _numbers: Any = PrivateAttr(default_factory=itertools.count)
    _queues: dict[int, deque[Event]] = PrivateAttr(default_factory=dict)
    _cancelled: set[int] = PrivateAttr(default_factory=set)

    @property
    @abstractmethod
    def adapters(self) -> list[str]:
        """Names that a request may give as `adapter`."""

    @abstractmethod
    def add_adapter(self, name: str, folder: str | Path) -> None:
        """Hold one more adapter, read from PEFT's files."""

    @abstractmethod
    def drop_adapter(self, name: str) -> None:
        """Let go of an adapter; requests that use it finish first."""

    @abstractmethod
    def _admit(self, handle: int, request: Request) -> None:
        """Take a checked request; raise UsageError for what this engine cannot do."""

    @abstractmethod
    def _advance(self) -> list[tuple[int, Event]]:
        """Do a step of work for all requests and tell what came of it; empty only when there is no work."""

    @abstractmethod
    def _withdraw(self, handle: int) -> Finished:
        """Stop working on a request that has not finished."""

    def submit(self, request: Request) -> int:
        """Queue a request; raises UsageError or NotFoundError at once where it can't be served."""
        if not request.prompt:
            raise UsageError("the prompt is empty", expected="at least one token")
        if request.adapter is not None and request.adapter not in self.adapters:
            hint = nearest(request.adapter, self.adapters) if self.adapters else "the engine holds none"
            raise NotFoundError(f"no adapter is called {request.adapter!r}", do=hint[0].upper() + hint[1:])
        if request.sampling.logprobs is not None and "logprobs" not in self.capabilities:
            raise UsageError(f"the engine {self.name!r} cannot tell logprobs")
        with self._lock:
            handle: int = next(self._numbers)
            self._admit(handle, request)
            self._queues[handle] = deque()
        return handle

    def events(self, handle: int) -> Iterator[Event]:
        """Tokens of a request as they come (where it streams), then its end; a handle can be read once."""
        while True:
            with self._lock:
                queue = self._queues.get(handle)
                if queue is None:
                    raise NotFoundError(f"request {handle} was never submitted, or has been read to its end")
                if not queue:
                    self._work()
                    continue
                event = queue.popleft()
                if isinstance(event, Finished):
                    del self._queues[handle]
            yield event
            if isinstance(event, Finished):
                return

    def cancel(self, handle: int) -> None:
        """Stop a request; what it wrote so far comes with its `Finished`.  Nothing happens to one that has ended."""
        with self._lock:
            queue = self._queues.get(handle)
            if queue is not None and not any(isinstance(event, Finished) for event in queue):
                queue.append(self._withdraw(handle))

    def finish(self, handle: int) -> Finished:
        """Read a request to its end."""
        for event in self.events(handle):
            if isinstance(event, Finished):
                return event
        raise RuntimeError("the engine ended a request without saying so")

    def _work(self) -> None:
        events = self._advance()
        if not events:
            raise RuntimeError("the engine has no work, and a request waits")
        for handle, event in events:
            self._queues[handle].append(event)


engines = Registry("tuneloop.models.engines", Engine)
