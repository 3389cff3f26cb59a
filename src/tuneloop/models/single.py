"""One sequence that a transformers model writes, a token a step, with transformers' own key/value cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tuneloop.models.engine import Event, Finished, Request
from tuneloop.models.plain import PlainModel
from tuneloop.models.sampling import choose
from tuneloop.models.shaping import Shaping, shaped
from tuneloop.models.telling import token_event
from tuneloop.models.writing import Writing


class Single:
    def __init__(self, lm: PlainModel, handle: int, request: Request, shaping: Shaping | None = None) -> None:
        self.lm, self.handle, self.request, self.shaping = lm, handle, request, shaping
        self.writing = Writing(request, lm.tokenizer, lm.end_ids)
        self._key = request.sampling.key()
        self._next = torch.tensor([list(request.prompt)], device=lm.device)
        self._past: object = None

    @torch.inference_mode()
    def step(self) -> list[tuple[int, Event]]:
        """One more token, and the end when it was the last."""
        with adapter_on(self.lm, self.request.adapter is not None):
            out = self.lm.module(input_ids=self._next, past_key_values=self._past, use_cache=True)
        self._past = out.past_key_values
        logits = out.logits[:, -1].float()
        scores = shaped(logits, [self.shaping])
        token = int(choose(scores, [self.request.sampling], [self._key], [len(self.writing.ids)])[0])
        self._next = torch.tensor([[token]], device=self.lm.device)
        whole = self.shaping is not None and self.shaping.take(token)
        text = self.writing.add(token, whole)
        writing, prompt = self.writing, len(self.request.prompt)
        ahead = self.lm.adapter.before if self.lm.adapter and self.request.adapter is not None else 0
        if writing.reason is None and ahead + prompt + len(writing.ids) >= self.lm.config.max_positions:
            writing.reason = "length"
        events: list[tuple[int, Event]] = []
        if self.request.stream:
            events.append((self.handle, token_event(self.request, token, text, logits[0])))
        if writing.reason is not None:
            events.append((self.handle, Finished(writing.reason, writing.text, tuple(writing.ids), prompt)))
        return events


@contextmanager
def adapter_on(lm: PlainModel, wanted: bool) -> Iterator[None]:
    """The model with its adapter, or for a moment without."""
    adapter = lm.adapter
    if wanted or adapter is None:
        yield
        return
    lm.detach()
    try:
        yield
    finally:
        lm.attach(adapter)
