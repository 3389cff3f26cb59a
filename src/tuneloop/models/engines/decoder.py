from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.errors import ConflictError
from tuneloop.models.engine import Capability, Engine, Event, Finished, Request, Token, check_ids, check_room
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np

    from tuneloop.models.batching import Batch
    from tuneloop.models.fast import FastModel


class DecoderEngine(Engine):
    """Continuous batching over our own decoder: new prompts join between steps, finished ones leave at once, and rows
    of different adapters share every matrix product with the base."""

    title: ClassVar[Words] = Words("our decoder", "内置解码器")
    help: ClassVar[Words] = Words(
        "Many requests at once, base and adapters mixed in one batch.", "同时处理多个请求，基座与多个适配器可混合成批。"
    )
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {"mixed_adapters", "seed", "logprobs", "batch", "cancel", "penalties", "constrained", "scores", "embeddings"}
    )
    slots: int = setting(
        128, en="Requests worked on at a time; more wait in order.", zh="同时处理的请求数，其余按顺序等待", ge=1
    )
    cache_gb: float = setting(
        4.0,
        en="memory for keys and values, 10⁹ bytes; where it would not do, fewer requests run at a time",
        zh="键值缓存的内存上限（10⁹ 字节）；不够时减少同时处理的请求",
        gt=0,
    )
    prefill_tokens: int = setting(
        4096, en="Prompt tokens taken in between two steps.", zh="两步之间最多读入的提示词元数", ge=1
    )

    _batch: Any = PrivateAttr(default=None)
    _waiting: list[tuple[int, Request]] = PrivateAttr(default_factory=list)

    def over(self, lm: FastModel) -> DecoderEngine:
        """This engine on a loaded model; the adapter that the model carries is held under the name `attached`."""
        from tuneloop.models.batching import Batch

        self._batch = Batch(lm)
        return self

    @property
    def batch(self) -> Batch:
        if self._batch is None:
            raise ValueError("the engine has no model yet: call `over` first")
        batch: Batch = self._batch
        return batch

    @property
    def adapters(self) -> list[str]:
        return sorted(self.batch.adapters)

    def taken(self, adapter: str) -> int:
        return self.batch.before(adapter)

    def add_adapter(self, name: str, folder: str | Path) -> None:
        with self._lock:
            if name in self.batch.adapters:
                raise ConflictError(f"an adapter called {name!r} is held already")
            self.batch.add(name, folder)

    def drop_adapter(self, name: str) -> None:
        with self._lock:
            if any(request.adapter == name for _, request in self._waiting) or self.batch.uses(name):
                raise ConflictError(f"requests are being answered with the adapter {name!r}")
            self.batch.adapters.pop(name, None)

    def _admit(self, handle: int, request: Request) -> None:
        self._check(request.prompt, request.adapter)
        check_ids([token for token, _ in request.sampling.logit_bias], self.batch.lm.config.vocab, "logit_bias")
        self.batch.shape(handle, request)
        self._waiting.append((handle, request))

    def _check(self, prompt: Sequence[int], adapter: str | None, field: str = "prompt") -> None:
        check_room(prompt, self.batch.lm.config.max_positions - self.batch.before(adapter))
        check_ids(prompt, self.batch.lm.config.vocab, field)

    def _score(self, prompts: Sequence[Sequence[int]], adapter: str | None, top: int) -> list[list[Token]]:
        from tuneloop.models.telling import scored_prompts

        for prompt in prompts:
            self._check(prompt, adapter)
        return scored_prompts(prompts, self.batch.read(prompts, adapter), self.batch.lm.scores, top)

    def _embed(self, prompts: Sequence[Sequence[int]], adapter: str | None) -> np.ndarray[Any, Any]:
        from tuneloop.models.telling import means

        for prompt in prompts:
            self._check(prompt, adapter, "input")
        found: np.ndarray[Any, Any] = means(list(map(len, prompts)), self.batch.read(prompts, adapter)).cpu().numpy()
        return found

    def _advance(self) -> list[tuple[int, Event]]:
        events: list[tuple[int, Event]] = []
        while not events and (self._waiting or self.batch.rows):
            joining = self._joining()
            events = self.batch.prefill(joining) if joining else self.batch.step()
        return events

    def _joining(self) -> list[tuple[int, Request]]:
        """The next requests in order, as far as slots, memory and the share of prompt tokens reach."""
        joining: list[tuple[int, Request]] = []
        tokens, longest = 0, max((row.reach for row in self.batch.rows), default=0)
        while self._waiting and len(self.batch.rows) + len(joining) < self.slots:
            request = self._waiting[0][1]
            tokens += len(request.prompt)
            longest = max(
                longest, self.batch.before(request.adapter) + len(request.prompt) + request.sampling.max_tokens
            )
            rows = len(self.batch.rows) + len(joining) + 1
            if joining and tokens > self.prefill_tokens:
                break
            if rows > 1 and rows * self.batch.cache.size(longest) > self.cache_gb * 1e9:
                break
            joining.append(self._waiting.pop(0))
        return joining

    def _withdraw(self, handle: int) -> Finished:
        for place, (waiting, request) in enumerate(self._waiting):
            if waiting == handle:
                self._waiting.pop(place)
                self.batch.forget(handle)
                return Finished("cancelled", "", (), len(request.prompt))
        return self.batch.withdraw(handle)
