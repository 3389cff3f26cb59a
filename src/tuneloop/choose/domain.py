"""How well a base knows the domain: bits per byte on own records, measured before anything is tuned.

Fewer bits: the base foresees more of the text.  The measure counts bytes of UTF-8 and not tokens, so models with
different tokenizers can be compared; a dialogue counts by the assistant's words, behind each model's own template, so a
base without a template is measured a little too badly there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tuneloop.choose.seen import best_split
from tuneloop.errors import TuneloopError
from tuneloop.models import load
from tuneloop.records import DatasetVersion, Progress, Record, Watcher
from tuneloop.scores import held_out
from tuneloop.scores.interval import Interval, of_ratio
from tuneloop.store.sample import draw
from tuneloop.store.workspace import Workspace
from tuneloop.wording import Words


def sample(ws: Workspace, version: DatasetVersion, count: int, seed: int) -> list[Record]:
    """Records to measure on: of the test split where there is one, as texts and dialogues."""
    drawn = draw(ws, version, best_split(version, "test"), count, seed)
    return [readable for record in drawn if (readable := _readable(record)) is not None]


def bits_per_byte(reference: str, records: Sequence[Record], seed: int, progress: Watcher) -> Interval | Words:
    """Bits per byte with its 95 % interval over records; a sentence where the base cannot be loaded or measured."""
    try:
        lm = load(reference)
    except TuneloopError as error:
        return Words("cannot be loaded: {error}", "无法加载：{error}").format(error=error)
    note = Words("measuring {base}", "正在测量 {base}").format(base=reference)

    def told(done: int) -> None:
        progress(Progress("choose", done, len(records), "records", note=note))

    found = held_out.measure(lm, records, told)
    pairs = [(nats / math.log(2), float(octets)) for nats, octets in found.each if octets]
    if not pairs:
        return Words("none of the records could be measured", "没有可测量的记录")
    return of_ratio(pairs, seed=seed)


def _readable(record: Record) -> Record | None:
    """The record as a text or dialogue whose words a language model could foresee."""
    if record.kind in ("text", "chat"):
        return record
    if record.kind == "preference":
        return replace(record, kind="chat", messages=(*record.messages, *record.chosen), chosen=(), rejected=())
    if record.kind == "rating":
        return replace(record, kind="chat", label=None) if record.label else None
    if record.text is not None:
        return Record("text", text=record.text)
    return Record("text", text="\n".join(turn.text for turn in record.messages))
