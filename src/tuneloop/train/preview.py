"""Exactly which tokens of a record would be trained on: what `examples` would store, cut into readable pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING

from tuneloop.records import Record, Split
from tuneloop.train.backend import Job
from tuneloop.train.objective import ASIDE, Encoded, Objective, Tokens
from tuneloop.train.recipe import Resolved
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel


WITH_DETAIL = Words("{reason} ({why})", "{reason}（{why}）")


@dataclass(frozen=True)
class Piece:
    """Tokens in a row that are treated alike: of one turn (an assistant's; None between them), with one weight.

    `weight` 0 means read but not learned.
    """

    turn: int | None
    weight: float
    ids: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Preview:
    """Pieces of each sequence that the record becomes (a pair of answers becomes two); `cut` counts tokens left out,
    `aside` says why none is made."""

    record: str
    examples: tuple[tuple[Piece, ...], ...]
    cut: int = 0
    aside: Words | None = None


def previews(job: Job, count: int, split: Split = "train") -> tuple[Resolved, list[Preview]]:
    """The first `count` records of a split as the job would encode them, and the recipe that decides how."""
    from tuneloop.train import assembly, data
    from tuneloop.train.objective import objectives

    lm, resolved = assembly.look(job)
    objective = objectives.create(resolved.recipe.objective or "", path="objective")
    limit = resolved.recipe.max_length or lm.config.max_positions
    items = islice(data.items(job.workspace, job.version, split), count)
    return resolved, [preview(item.record, objective, lm, limit) for item in items]


def preview(record: Record, objective: Objective, lm: LanguageModel, limit: int) -> Preview:
    """What training with this objective and limit (tokens) would make of the record."""
    encoded = objective.encode(record, lm, limit) if record.kind in objective.needs.kinds else Encoded(aside="kind")
    if encoded.aside:
        reason = ASIDE[encoded.aside]
        detail = WITH_DETAIL.format(reason=reason, why=encoded.why) if encoded.why else reason
        return Preview(record.id, (), encoded.cut, detail)
    turns = _turns(record, lm)
    examples: list[tuple[Piece, ...]] = []
    begin = 0
    for ids, mask in _sequences(record, encoded):
        end = begin + len(ids)
        # An example's first token has nothing before it to be predicted from.
        weights = [0.0, *mask[1:]]
        owners = turns[begin:end] or [None] * len(ids)
        examples.append(_pieces(list(ids), weights, owners, lm))
        begin = end
    return Preview(record.id, tuple(examples), encoded.cut)


def _sequences(record: Record, encoded: Encoded) -> Iterator[Tokens]:
    """Those made from this record alone: what an answer's rating is compared with comes from its neighbours."""
    for example in encoded.examples:
        yield Tokens(example.ids, example.mask)
        if example.other is not None and record.kind == "preference":
            yield example.other


def _turns(record: Record, lm: LanguageModel) -> list[int | None]:
    """For each token of a dialogue the assistant turn that wrote it; empty for other kinds."""
    if record.kind != "chat" or not any(turn.role == "assistant" for turn in record.messages):
        return []
    from tuneloop.models.chat import preview as pieces_of

    pieces = pieces_of(record.messages, record.tools, lm.tokenizer, lm.template)
    return [piece.turn for piece in pieces for _ in piece.ids]


def _pieces(ids: list[int], weights: list[float], owners: list[int | None], lm: LanguageModel) -> tuple[Piece, ...]:
    found = []
    rows = list(zip(owners, weights, ids, strict=True))
    for (turn, weight), run in groupby(rows, key=lambda row: row[:2]):
        tokens = tuple(token for _, _, token in run)
        found.append(Piece(turn, weight, tokens, lm.tokenizer.decode(tokens, skip_special=False)))
    return tuple(found)
