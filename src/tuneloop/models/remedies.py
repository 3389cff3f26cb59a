"""What to change so that a run fits: each change on its own, with what it would then take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tuneloop.models import tunings
from tuneloop.models.memory import BYTES, Work, estimate
from tuneloop.models.room import size
from tuneloop.models.shape import Shape
from tuneloop.models.tunings import Tuning
from tuneloop.wording import Words

SMALLEST = 256
"""Tokens of the smallest micro-batch that is offered."""
RANK = 16

CHANGES = {
    "micro_tokens": Words("micro_tokens: {value}", "设 micro_tokens: {value}"),
    "gradient_checkpointing": Words("gradient_checkpointing: true (slower)", "设 gradient_checkpointing: true（变慢）"),
    "both": Words(
        "gradient_checkpointing: true and micro_tokens: {value}",
        "设 gradient_checkpointing: true 和 micro_tokens: {value}",
    ),
    "max_length": Words("max_length: {value} (longer records are cut)", "设 max_length: {value}（更长的记录会被截断）"),
    "precision": Words("precision: {value}", "设 precision: {value}"),
    "tuner": Words("tuner: {value}", "改用 tuner: {value}"),
}
TAKES = Words("{change} takes {bytes}, {saved} less", "{change}：占用 {bytes}，少 {saved}")
FITS = Words("{takes}: fits", "{takes}，可行")
NOT_YET = Words("{takes}: not enough alone", "{takes}，单独不够")


@dataclass(frozen=True)
class Remedy:
    """`settings` as a recipe has them; `total` bytes it would then take, `saved` bytes less than before."""

    key: str
    settings: dict[str, Any]
    total: int
    saved: int
    fits: bool

    def __str__(self) -> str:
        return str(self.words)

    @property
    def words(self) -> Words:
        value = next((one for key, one in self.settings.items() if key != "gradient_checkpointing"), "")
        change = CHANGES[self.key].format(value=value["name"] if isinstance(value, dict) else value)
        takes = TAKES.format(change=change, bytes=size(self.total), saved=size(self.saved))
        return (FITS if self.fits else NOT_YET).format(takes=takes)


def remedies(shape: Shape, tuning: Tuning, work: Work, room: int) -> list[Remedy]:
    """Changes that save memory, those that bring the run below `room` bytes first, the gentlest of them first.

    A smaller `micro_tokens` changes memory alone; checkpointing costs time; a shorter `max_length` cuts records;
    precision and tuner change the result.
    """
    now = estimate(shape, tuning, work).total
    found = []
    for key, settings, other, changed in _changes(shape, tuning, work, room):
        total = estimate(shape, other, changed).total
        if total < now:
            found.append(Remedy(key, settings, total, now - total, total <= room))
    return sorted(found, key=lambda one: not one.fits)


def _changes(shape: Shape, tuning: Tuning, work: Work, room: int) -> Iterator[tuple[str, dict[str, Any], Tuning, Work]]:
    again = replace(work, checkpointing=True)
    fitting = _micro_tokens(shape, tuning, work, room)
    if fitting < work.tokens:
        yield "micro_tokens", {"micro_tokens": fitting}, tuning, replace(work, tokens=fitting)
    if not work.checkpointing and not tuning.virtual:
        yield "gradient_checkpointing", {"gradient_checkpointing": True}, tuning, again
        fewer = _micro_tokens(shape, tuning, again, room)
        if fewer < work.tokens:
            settings = {"gradient_checkpointing": True, "micro_tokens": fewer}
            yield "both", settings, tuning, replace(again, tokens=fewer)
    if work.longest > SMALLEST:
        shorter = max(SMALLEST, work.longest // 2)
        changed = replace(work, longest=shorter, tokens=min(work.tokens, max(fitting, shorter)))
        yield "max_length", {"max_length": shorter}, tuning, changed
    if BYTES[work.dtype] == 4:
        yield "precision", {"precision": "bfloat16"}, tuning, replace(work, dtype="bfloat16")
    if tuning.own:
        yield "tuner", {"tuner": {"name": "lora", "rank": RANK}}, tunings.lora(shape, RANK), work
    if not tuning.bits:
        yield "tuner", {"tuner": {"name": "qlora", "rank": RANK}}, tunings.qlora(shape, RANK), work


def _micro_tokens(shape: Shape, tuning: Tuning, work: Work, room: int) -> int:
    """The largest half, quarter, … of the micro-batch that fits, not below the longest record; else the smallest."""
    least = max(SMALLEST, work.longest)
    tokens = work.tokens
    while tokens > least:
        tokens = max(least, tokens // 2)
        if estimate(shape, tuning, replace(work, tokens=tokens)).total <= room:
            break
    return tokens
