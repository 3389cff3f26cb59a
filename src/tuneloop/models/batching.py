"""The sequences that our decoder writes side by side: one row each, one matrix product for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from tuneloop.models.adapter import load_adapter
from tuneloop.models.cache import Cache
from tuneloop.models.constraint import Vocabulary
from tuneloop.models.engine import Event, Finished, Request
from tuneloop.models.fast import FastModel
from tuneloop.models.mixing import Mixed
from tuneloop.models.overlay import BARE, Overlay, spread
from tuneloop.models.sampling import choose
from tuneloop.models.shaping import Shaping, shaped
from tuneloop.models.stepping import Seat, Stepping
from tuneloop.models.telling import token_event
from tuneloop.models.writing import Writing

ATTACHED = "attached"


@dataclass
class Row:
    """One sequence in work: its place in `Batch.rows` is its slot in the cache."""

    handle: int
    request: Request
    writing: Writing
    key: int
    overlay: Overlay
    shaping: Shaping | None = None
    last: int = 0
    seat: Seat | None = None

    @property
    def prompt_length(self) -> int:
        """Positions before the answer: the prompt's, and those that the adapter puts ahead of it."""
        return len(self.request.prompt) + self.overlay.before

    @cached_property
    def reading(self) -> tuple[object, ...]:
        """What the prompt's keys and values depend on."""
        return (self.request.adapter, self.reach, tuple(self.request.prompt))

    @property
    def reach(self) -> int:
        """Positions that the sequence may come to: what rotations that depend on the length go by."""
        return self.prompt_length + self.request.sampling.max_tokens


class Batch:
    def __init__(self, lm: FastModel) -> None:
        self.lm = lm
        self.adapters: dict[str, Overlay] = {ATTACHED: lm.adapter.ready(lm)} if lm.adapter else {}
        self.rows: list[Row] = []
        self.cache = Cache(lm.config, lm.dtype, lm.device)
        self.ends = lm.end_ids
        self._shapings: dict[int, Shaping] = {}
        self._vocabulary: Vocabulary | None = None
        self._stepping = Stepping.over(lm, self.cache)

    def add(self, name: str, folder: str | Path) -> None:
        """Hold one more adapter."""
        with torch.no_grad():
            self.adapters[name] = load_adapter(folder, self.lm).ready(self.lm)

    def before(self, adapter: str | None) -> int:
        """Positions that an adapter takes before each prompt."""
        return 0 if adapter is None else self.adapters[adapter].before

    def uses(self, name: str) -> bool:
        return any(row.request.adapter == name for row in self.rows)

    @torch.inference_mode()
    def prefill(self, joining: Sequence[tuple[int, Request]]) -> list[tuple[int, Event]]:
        """Take prompts in, as one packed row, longest first, and write the first token of each answer.

        A prompt that several requests share is read once, and its keys and values copied.
        """
        every = [self._row(handle, request) for handle, request in joining]
        every.sort(key=lambda row: -row.prompt_length)
        places: dict[object, int] = {}
        for place, row in enumerate(every):
            places.setdefault(row.reading, place)
        rows = [every[place] for place in places.values()]
        lengths = [len(row.request.prompt) for row in rows]
        opened = self.cache.open([row.prompt_length for row in every])
        slots = [opened[place] for place in places.values()]
        self.rows += every
        ids = torch.tensor([token for row in rows for token in row.request.prompt], device=self.lm.device)
        prompts = [prompt for row in rows if (prompt := row.overlay.prompt) is not None]
        inserted = None
        if prompts:
            room = [row.overlay.prompt_length for row in rows]
            ids, _, lengths = spread(ids, lengths, room)
            inserted = torch.cat(prompts)
        prefixes = [row.overlay.prefix_length for row in rows]
        positions = torch.cat(
            [torch.arange(before, before + length) for length, before in zip(lengths, prefixes, strict=True)]
        )
        hidden = self.lm.module(
            ids,
            positions.to(self.lm.device),
            lengths,
            reach=[row.reach for row in rows],
            attend=self.cache.prefill(slots, lengths, [row.overlay for row in rows]),
            overlay=self._overlay(rows, lengths),
            rows=torch.tensor(lengths, device=self.lm.device).cumsum(0) - 1,
            inserted=inserted,
        )
        if len(rows) < len(every):
            numbers = {row.reading: number for number, row in enumerate(rows)}
            for place, row in enumerate(every):
                if place != places[row.reading]:
                    self.cache.copy(opened[places[row.reading]], opened[place])
            hidden = hidden[torch.tensor([numbers[row.reading] for row in every], device=hidden.device)]
        return self._write(every, self.lm.scores(hidden))

    @torch.inference_mode()
    def step(self) -> list[tuple[int, Event]]:
        """One more token for every sequence."""
        rows = list(self.rows)
        if not rows:
            return []
        scores = self._stepping.scores(rows) if self._stepping else None
        if scores is not None:
            return self._write(rows, scores)
        ids = torch.tensor([row.last for row in rows], device=self.lm.device)
        positions = torch.tensor(self.cache.lengths, device=self.lm.device)
        hidden = self.lm.module(
            ids,
            positions,
            [1] * len(rows),
            reach=[row.reach for row in rows],
            attend=self.cache.step(),
            overlay=self._overlay(rows, [1] * len(rows)),
        )
        return self._write(rows, self.lm.scores(hidden))

    @torch.inference_mode()
    def withdraw(self, handle: int) -> Finished:
        """Take a sequence out before its end."""
        slot = next(place for place, row in enumerate(self.rows) if row.handle == handle)
        row = self.rows[slot]
        self._leave(slot)
        return Finished("cancelled", row.writing.text, tuple(row.writing.ids), len(row.request.prompt))

    def _row(self, handle: int, request: Request) -> Row:
        overlay = BARE if request.adapter is None else self.adapters[request.adapter]
        writing = Writing(request, self.lm.tokenizer, self.ends)
        return Row(handle, request, writing, request.sampling.key(), overlay, self._shapings.pop(handle, None))

    def shape(self, handle: int, request: Request) -> None:
        """Get ready what a request changes in its scores; raises UsageError where its constraint cannot be followed."""
        shaping = Shaping.of(request.sampling, self.ends, self.vocabulary)
        if shaping is not None:
            self._shapings[handle] = shaping

    def forget(self, handle: int) -> None:
        """Let go of what `shape` made for a request that never joins."""
        self._shapings.pop(handle, None)

    def vocabulary(self) -> Vocabulary:
        """The model's tokens as grammars see them; made when first asked for."""
        if self._vocabulary is None:
            self._vocabulary = Vocabulary(self.lm.tokenizer, self.lm.config.vocab, self.ends)
        return self._vocabulary

    @torch.inference_mode()
    def read(self, prompts: Sequence[Sequence[int]], adapter: str | None) -> torch.Tensor:
        """[T, hidden] last rows of packed prompts, through an adapter or the base alone."""
        overlay = BARE if adapter is None else self.adapters[adapter]
        ids = torch.tensor([token for prompt in prompts for token in prompt], device=self.lm.device)
        return self.lm.rows(ids, [len(prompt) for prompt in prompts], overlay)

    def _overlay(self, rows: Sequence[Row], counts: Sequence[int]) -> Overlay:
        """The adapters of rows that stand for `counts` tokens each."""
        names = list(dict.fromkeys(row.request.adapter for row in rows if row.request.adapter is not None))
        if not names:
            return BARE
        owner = torch.tensor([-1 if row.request.adapter is None else names.index(row.request.adapter) for row in rows])
        owner = owner.repeat_interleave(torch.tensor(counts)).to(self.lm.device)
        return Mixed([self.adapters[name] for name in names], owner)

    def _write(self, rows: Sequence[Row], logits: torch.Tensor) -> list[tuple[int, Event]]:
        places = [len(row.writing.ids) for row in rows]
        scores = shaped(logits, [row.shaping for row in rows])
        chosen = choose(scores, [row.request.sampling for row in rows], [row.key for row in rows], places).tolist()
        most = self.lm.config.max_positions
        events: list[tuple[int, Event]] = []
        for place, (row, token) in enumerate(zip(rows, chosen, strict=True)):
            row.last = token
            whole = row.shaping is not None and row.shaping.take(token)
            text = row.writing.add(token, whole)
            if row.request.stream:
                events.append((row.handle, token_event(row.request, token, text, logits[place])))
            if row.writing.reason is None and row.prompt_length + len(row.writing.ids) >= most:
                row.writing.reason = "length"
            reason = row.writing.reason
            if reason is not None:
                end = Finished(reason, row.writing.text, tuple(row.writing.ids), len(row.request.prompt))
                events.append((row.handle, end))
                self._leave(next(slot for slot, one in enumerate(self.rows) if one is row))
        return events

    def _leave(self, slot: int) -> None:
        moved = self.cache.close(slot)
        last = self.rows.pop()
        if slot != moved:
            self.rows[slot] = last
