"""How surprised a model is by each of many records: the mean loss per token of the words that they teach.

Texts count from their beginning, dialogues and the chosen side of pairs by the assistant's words after what stands
before them.  Of each record at most `most` tokens are read: of a dialogue those around its first answer.  Records are
packed into batches without padding, so short ones cost no more than their tokens.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tuneloop.errors import InputError
from tuneloop.records import Record

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

BATCH_TOKENS = 2048


class Surprise(NamedTuple):
    """Nats per token, over how many tokens."""

    nats: float
    tokens: int


def surprises(lm: LanguageModel, records: Iterable[Record], most: int) -> Iterator[Surprise | None]:
    """One for each record, in order; None where nothing can be measured: another kind, a template that refuses the
    dialogue, no word that is trained on."""
    import torch

    from tuneloop.models.packed import Packed

    for batch in _batches(_encoded(lm, record, min(most, lm.room)) for record in records):
        pieces = [piece for piece in batch if piece is not None]
        if pieces:
            with torch.inference_mode():
                losses = lm.token_nll(Packed.of(pieces).to(lm.device)).double().cpu()
            own = iter(torch.split(losses, [sum(weight > 0 for weight in mask[1:]) for _, mask in pieces]))
        for piece in batch:
            if piece is None:
                yield None
            else:
                found = next(own)
                yield Surprise(float(found.mean()), len(found))


Piece = tuple[Sequence[int], Sequence[float]]


def _encoded(lm: LanguageModel, record: Record, most: int) -> Piece | None:
    """Token ids, and for each whether it is measured; None where none is."""
    from tuneloop.models.chat import encode_record

    if record.kind == "text":
        ids = lm.tokenizer.encode(record.text or "", special=True)[:most]
        return (ids, [1.0] * len(ids)) if len(ids) > 1 else None
    if record.kind == "preference":
        record = dataclasses.replace(
            record, kind="chat", messages=(*record.messages, *record.chosen), chosen=(), rejected=()
        )
    if record.kind != "chat":
        return None
    try:
        ids, mask = encode_record(record, lm.tokenizer, lm.template)
    except InputError:
        return None
    first = next((place for place, weight in enumerate(mask) if weight > 0), 0)
    start = max(0, first - most // 2)
    weights = [float(weight > 0) for weight in mask[start : start + most]]
    return (ids[start : start + most], weights) if any(weights[1:]) else None


def _batches(pieces: Iterable[Piece | None]) -> Iterator[list[Piece | None]]:
    batch: list[Piece | None] = []
    filled = 0
    for piece in pieces:
        size = len(piece[0]) if piece else 0
        if batch and filled + size > BATCH_TOKENS:
            yield batch
            batch, filled = [], 0
        batch.append(piece)
        filled += size
    if batch:
        yield batch
