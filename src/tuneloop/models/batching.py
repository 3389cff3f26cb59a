"""The sequences that our decoder writes side by side: one row each, one matrix product for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tuneloop.models.cache import Cache
from tuneloop.models.engine import Event, Finished, Request
from tuneloop.models.fast import FastModel
from tuneloop.models.lora import load_adapter
from tuneloop.models.mixing import Factors, Mixed, ready
from tuneloop.models.sampling import choose
from tuneloop.models.telling import token_event
from tuneloop.models.writing import Writing

ATTACHED = "attached"


@dataclass
class Row:
    """One sequence in work: its place in `Batch.rows` is its slot in the cache."""

    handle: int
    request: Request
    writing: Writing
    random: torch.Generator
    last: int = 0

    @property
    def reach(self) -> int:
        """Tokens that the sequence may come to: what rotations that depend on the length go by."""
        return len(self.request.prompt) + self.request.sampling.max_tokens


class Batch:
    def __init__(self, lm: FastModel) -> None:
        self.lm = lm
        self.adapters: dict[str, dict[str, Factors]] = {ATTACHED: ready(lm.adapter, lm)} if lm.adapter else {}
        self.rows: list[Row] = []
        self.cache = Cache(lm.config, lm.dtype, lm.device)

    def add(self, name: str, folder: str | Path) -> None:
        """Hold one more adapter."""
        self.adapters[name] = ready(load_adapter(folder, self.lm.sites()), self.lm)

    def uses(self, name: str) -> bool:
        return any(row.request.adapter == name for row in self.rows)

    @torch.inference_mode()
    def prefill(self, joining: Sequence[tuple[int, Request]]) -> list[tuple[int, Event]]:
        """Take prompts in, as one packed row, longest first, and write the first token of each answer."""
        joining = sorted(joining, key=lambda one: -len(one[1].prompt))
        rows = [
            Row(handle, request, Writing(request, self.lm.tokenizer, self.lm.end_ids), request.sampling.generator())
            for handle, request in joining
        ]
        lengths = [len(row.request.prompt) for row in rows]
        slots = self.cache.open(lengths)
        self.rows += rows
        ids = torch.tensor([token for row in rows for token in row.request.prompt], device=self.lm.device)
        positions = torch.cat([torch.arange(length) for length in lengths]).to(self.lm.device)
        hidden = self.lm.module(
            ids,
            positions,
            lengths,
            reach=[row.reach for row in rows],
            attend=self.cache.prefill(slots, lengths),
            mix=self._mix(rows, lengths),
            rows=torch.tensor(lengths, device=self.lm.device).cumsum(0) - 1,
        )
        return self._write(rows, hidden)

    @torch.inference_mode()
    def step(self) -> list[tuple[int, Event]]:
        """One more token for every sequence."""
        rows = list(self.rows)
        if not rows:
            return []
        ids = torch.tensor([row.last for row in rows], device=self.lm.device)
        positions = torch.tensor(self.cache.lengths, device=self.lm.device)
        hidden = self.lm.module(
            ids,
            positions,
            [1] * len(rows),
            reach=[row.reach for row in rows],
            attend=self.cache.step(),
            mix=self._mix(rows, [1] * len(rows)),
        )
        return self._write(rows, hidden)

    @torch.inference_mode()
    def withdraw(self, handle: int) -> Finished:
        """Take a sequence out before its end."""
        slot = next(place for place, row in enumerate(self.rows) if row.handle == handle)
        row = self.rows[slot]
        self._leave(slot)
        return Finished("cancelled", row.writing.text, tuple(row.writing.ids), len(row.request.prompt))

    def _mix(self, rows: Sequence[Row], counts: Sequence[int]) -> Mixed | None:
        """The adapters of rows that stand for `counts` tokens each."""
        names = list(dict.fromkeys(row.request.adapter for row in rows if row.request.adapter is not None))
        if not names:
            return None
        owner = torch.tensor([-1 if row.request.adapter is None else names.index(row.request.adapter) for row in rows])
        owner = owner.repeat_interleave(torch.tensor(counts)).to(self.lm.device)
        return Mixed([self.adapters[name] for name in names], owner)

    def _write(self, rows: Sequence[Row], hidden: torch.Tensor) -> list[tuple[int, Event]]:
        logits = self.lm.scores(hidden)
        chosen = choose(logits, [row.request.sampling for row in rows], [row.random for row in rows]).tolist()
        most = self.lm.config.max_positions
        events: list[tuple[int, Event]] = []
        for place, (row, token) in enumerate(zip(rows, chosen, strict=True)):
            row.last = token
            text = row.writing.add(token)
            events.append((row.handle, token_event(row.request, token, text, logits[place])))
            if row.writing.reason is None and len(row.request.prompt) + len(row.writing.ids) >= most:
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
