"""The contract of an engine: requests go in, events come out, many at a time over one loaded base.

    engine.submit(request)  → a handle         engine.events(handle) → Token, …, Finished
    engine.cancel(handle)                      engine.adapters: names that a request may ask for

An engine has no thread of its own: whoever reads events drives it, and drives all other requests along (or calls
`step`, which tells of all at once).  Reading from several threads is safe.  What an engine can do it says in
`capabilities`; what it cannot it refuses by name.
"""

from __future__ import annotations

import itertools
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PrivateAttr

from tuneloop.errors import NotFoundError, UsageError, Where, nearest
from tuneloop.models.sampling import Sampling
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np

Reason = Literal["stop", "length", "cancelled"]
Capability = Literal[
    "mixed_adapters", "seed", "logprobs", "batch", "cancel", "penalties", "constrained", "scores", "embeddings"
]


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


def check_room(prompt: Sequence[int], most: int) -> None:
    """Raises UsageError where a prompt leaves no room for an answer among `most` positions."""
    if len(prompt) >= most:
        raise UsageError(f"the prompt has {len(prompt)} tokens", expected=f"fewer than {most} for this model")


class ForeignToken(UsageError):
    code = "invalid_value"


def check_ids(tokens: Sequence[int], vocabulary: int, field: str) -> None:
    """Raises `ForeignToken` where a token of a request's field is none of the model's."""
    for token in tokens and (min(tokens), max(tokens)):
        if not 0 <= token < vocabulary:
            raise ForeignToken(
                f"found the token id {token}, outside of the model's vocabulary",
                expected=f"0 to {vocabulary - 1}",
                where=Where(field=field),
            )


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

    def taken(self, adapter: str) -> int:
        """Positions of the model that an adapter takes before each prompt."""
        return 0

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
        self._check_adapter(request.adapter)
        sampling = request.sampling
        if sampling.logprobs is not None:
            self._require("logprobs", "tell log-probabilities")
        if sampling.constraint is not None:
            self._require("constrained", "hold an answer to a form")
        if sampling.shapes:
            self._require("penalties", "change the scores of tokens")
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

    @property
    def busy(self) -> bool:
        """Whether a request has not been told to its end."""
        return bool(self._queues)

    def step(self) -> list[tuple[int, Event]]:
        """One step for all requests and everything that is to be told: for a loop that drives the engine by itself and
        reads no `events`.  Empty only where there is nothing to do."""
        with self._lock:
            told = [(handle, event) for handle, queue in self._queues.items() for event in queue]
            for queue in self._queues.values():
                queue.clear()
            ended = {handle for handle, event in told if isinstance(event, Finished)}
            if len(ended) < len(self._queues):
                told += self._advance()
            for handle, event in told:
                if isinstance(event, Finished):
                    del self._queues[handle]
        return told

    def score(self, prompts: Sequence[Sequence[int]], adapter: str | None = None, top: int = 0) -> list[list[Token]]:
        """The prompts' own tokens with their log-probabilities, each given those before it (the first has none), and
        the `top` most likely ones of each place; texts stay empty."""
        self._require("scores", "tell the log-probabilities of a prompt")
        self._check_adapter(adapter)
        with self._lock:
            return self._score(prompts, adapter, top)

    def embed(self, prompts: Sequence[Sequence[int]], adapter: str | None = None) -> np.ndarray[Any, Any]:
        """[n, hidden] float32: the mean of each text's last hidden rows, of length 1."""
        self._require("embeddings", "turn texts into vectors")
        self._check_adapter(adapter)
        with self._lock:
            return self._embed(prompts, adapter)

    def _score(self, prompts: Sequence[Sequence[int]], adapter: str | None, top: int) -> list[list[Token]]:
        """Only asked of an engine whose capabilities hold `scores`."""
        raise NotImplementedError(f"{self.name} says that it scores, and does not")

    def _embed(self, prompts: Sequence[Sequence[int]], adapter: str | None) -> np.ndarray[Any, Any]:
        """Only asked of an engine whose capabilities hold `embeddings`."""
        raise NotImplementedError(f"{self.name} says that it embeds, and does not")

    def _require(self, capability: Capability, words: str) -> None:
        if capability not in self.capabilities:
            raise UsageError(f"the engine {self.title.en!r} cannot {words}", expected=f"one with {capability!r}")

    def _check_adapter(self, adapter: str | None) -> None:
        if adapter is not None and adapter not in self.adapters:
            hint = nearest(adapter, self.adapters) if self.adapters else "the engine holds none"
            raise NotFoundError(f"no adapter is called {adapter!r}", do=hint[0].upper() + hint[1:])

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
