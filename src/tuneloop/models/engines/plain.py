from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.errors import ConflictError, UsageError
from tuneloop.models.engine import Capability, Engine, Event, Finished, Request, Token, check_ids, check_room
from tuneloop.wording import Words

if TYPE_CHECKING:
    import numpy as np

    from tuneloop.models.constraint import Vocabulary
    from tuneloop.models.plain import PlainModel
    from tuneloop.models.single import Single

ATTACHED = "attached"


class PlainEngine(Engine):
    """Any transformers model, one request after another; it holds one adapter, and refuses a second by name."""

    title: ClassVar[Words] = Words("transformers", "transformers")
    help: ClassVar[Words] = Words(
        "For models without a fast path: one request at a time, one adapter.",
        "用于没有快速路径的模型：逐个处理请求，只挂一个适配器。",
    )
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {"seed", "logprobs", "cancel", "penalties", "constrained", "scores", "embeddings"}
    )

    _lm: Any = PrivateAttr(default=None)
    _held: str | None = PrivateAttr(default=None)
    _waiting: deque[tuple[int, Request, Any]] = PrivateAttr(default_factory=deque)
    _vocabulary: Any = PrivateAttr(default=None)
    _current: Any = PrivateAttr(default=None)

    def over(self, lm: PlainModel) -> PlainEngine:
        """This engine on a loaded model; the adapter that it carries is held under the name `attached`."""
        self._lm = lm
        self._held = ATTACHED if lm.adapter is not None else None
        return self

    @property
    def adapters(self) -> list[str]:
        return [] if self._held is None else [self._held]

    def taken(self, adapter: str) -> int:
        return int(self._lm.adapter.before)

    def add_adapter(self, name: str, folder: str | Path) -> None:
        from tuneloop.models.adapter import load_adapter

        with self._lock:
            if self._held is not None:
                raise UsageError(
                    f"the adapter {name!r} cannot be held beside {self._held!r}: this model runs on transformers, "
                    "which serves one adapter at a time",
                    do=f"Drop {self._held!r} first",
                )
            self._lm.attach(load_adapter(folder, self._lm))
            self._held = name

    def drop_adapter(self, name: str) -> None:
        with self._lock:
            if self._current is not None or self._waiting:
                raise ConflictError(f"requests are being answered, so the adapter {name!r} has to stay")
            if self._held == name:
                self._lm.detach()
                self._held = None

    def _admit(self, handle: int, request: Request) -> None:
        from tuneloop.models.shaping import Shaping

        self._check(request.prompt, request.adapter)
        check_ids([token for token, _ in request.sampling.logit_bias], self._lm.config.vocab, "logit_bias")
        shaping = Shaping.of(request.sampling, self._lm.end_ids, self._tokens)
        self._waiting.append((handle, request, shaping))

    def _check(self, prompt: Sequence[int], adapter: str | None, field: str = "prompt") -> None:
        check_room(prompt, self._lm.config.max_positions - (0 if adapter is None else self.taken(adapter)))
        check_ids(prompt, self._lm.config.vocab, field)

    def _tokens(self) -> Vocabulary:
        from tuneloop.models.constraint import Vocabulary

        if self._vocabulary is None:
            self._vocabulary = Vocabulary(self._lm.tokenizer, self._lm.config.vocab, self._lm.end_ids)
        held: Vocabulary = self._vocabulary
        return held

    def _score(self, prompts: Sequence[Sequence[int]], adapter: str | None, top: int) -> list[list[Token]]:
        import torch

        from tuneloop.models.single import adapter_on
        from tuneloop.models.telling import scored_prompts

        told = []
        for prompt in prompts:
            self._check(prompt, adapter)
            with torch.inference_mode(), adapter_on(self._lm, adapter is not None):
                logits = self._lm.logits(torch.tensor(prompt, device=self._lm.device))
            told += scored_prompts([prompt], logits, lambda rows: rows, top)
        return told

    def _embed(self, prompts: Sequence[Sequence[int]], adapter: str | None) -> np.ndarray[Any, Any]:
        import torch

        from tuneloop.models.packed import Packed
        from tuneloop.models.single import adapter_on
        from tuneloop.models.telling import means

        rows = []
        for prompt in prompts:
            self._check(prompt, adapter, "input")
            batch = Packed.of([(list(prompt), [0.0] * len(prompt))]).to(self._lm.device)
            with torch.inference_mode(), adapter_on(self._lm, adapter is not None):
                rows.append(self._lm.hidden(batch, torch.arange(len(prompt), device=self._lm.device)))
        found: np.ndarray[Any, Any] = means(list(map(len, prompts)), torch.cat(rows)).cpu().numpy()
        return found

    def _advance(self) -> list[tuple[int, Event]]:
        from tuneloop.models.single import Single

        if self._current is None:
            if not self._waiting:
                return []
            self._current = Single(self._lm, *self._waiting.popleft())
        current: Single = self._current
        events = current.step()
        while not events:
            events = current.step()
        if current.writing.reason is not None:
            self._current = None
        return events

    def _withdraw(self, handle: int) -> Finished:
        for waiting in self._waiting:
            if waiting[0] == handle:
                self._waiting.remove(waiting)
                return Finished("cancelled", "", (), len(waiting[1].prompt))
        current: Single = self._current
        self._current = None
        writing = current.writing
        return Finished("cancelled", writing.text, tuple(writing.ids), len(current.request.prompt))
