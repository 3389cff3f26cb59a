"""How well a model foresees records: the mean loss per token, and what it makes of it per byte.

Texts count whole, dialogues by the assistant's words, as in training.  Every token counts the same, whatever record it
is in.  Losses of models with different tokenizers can't be compared; bits per byte can.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuneloop.errors import InputError
from tuneloop.records import Record

if TYPE_CHECKING:
    from tuneloop.models import LanguageModel

BATCH_TOKENS = 4096
Piece = tuple[list[int], list[float]]
"""Token ids, and for each its weight as a target."""


@dataclass(frozen=True)
class HeldOut:
    """Sums over `records` records: `nats` of loss at `tokens` targets, which write `octets` bytes of UTF-8.

    `cut` counts tokens beyond the model's length, `aside` records that its template refuses or that hold no target.
    `each` holds (nats, bytes) of every measured record, in order, and `places` where it stood among those given.
    """

    nats: float = 0.0
    tokens: int = 0
    octets: int = 0
    records: int = 0
    cut: int = 0
    aside: int = 0
    each: tuple[tuple[float, int], ...] = ()
    places: tuple[int, ...] = ()

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens

    def values(self) -> dict[str, float]:
        """`loss`, `perplexity` and `bits_per_byte`; nothing where nothing was measured.

        Perplexity is left out where it is beyond a float (a loss above 709).  The end of a turn adds its loss and no
        bytes to bits per byte.
        """
        if not self.tokens:
            return {}
        values = {"loss": self.loss}
        if self.loss < math.log(1.7e308):
            values["perplexity"] = math.exp(self.loss)
        if self.octets:
            values["bits_per_byte"] = self.nats / math.log(2) / self.octets
        return values


def measure(lm: LanguageModel, records: Iterable[Record], told: Callable[[int], None]) -> HeldOut:
    """Measure all records of the kinds text and chat, packed without padding; `told` hears how many are done."""
    import torch

    from tuneloop.models.packed import Packed

    counts, tokens = _Counts(), 0
    each: dict[int, tuple[float, int]] = {}
    for batch in _batches(_pieces(lm, records, counts)):
        with torch.no_grad():
            losses = lm.token_nll(Packed.of([piece for _, piece in batch])).double()
        tokens += len(losses)
        sizes = [sum(weight > 0 for weight in mask[1:]) for _, (_, mask) in batch]
        for (record, (ids, mask)), own in zip(batch, torch.split(losses, sizes), strict=True):
            nats, octets = each.get(record, (0.0, 0))
            each[record] = nats + float(own.sum()), octets + _octets(lm, ids, mask)
        told(counts.records)
    total, written = math.fsum(one for one, _ in each.values()), sum(one for _, one in each.values())
    found = tuple(each.values())
    return HeldOut(total, tokens, written, counts.records, counts.cut, counts.aside, found, tuple(counts.places))


@dataclass
class _Counts:
    records: int = 0
    cut: int = 0
    aside: int = 0
    places: list[int] = field(default_factory=list)


def _pieces(lm: LanguageModel, records: Iterable[Record], counts: _Counts) -> Iterator[tuple[int, Piece]]:
    """The pieces of each measured record, with the record's number."""
    limit = lm.room
    for place, record in enumerate(records):
        found = list(_encoded(lm, record, limit, counts))
        if found:
            counts.records += 1
            counts.places.append(place)
            yield from ((counts.records, piece) for piece in found)
        else:
            counts.aside += 1


def _encoded(lm: LanguageModel, record: Record, limit: int, counts: _Counts) -> Iterator[Piece]:
    """A dialogue cut at the model's length; a text in pieces of it."""
    from tuneloop.models.chat import encode_record

    if record.kind == "chat":
        try:
            ids, mask = encode_record(record, lm.tokenizer, lm.template)
        except InputError:
            return
        counts.cut += max(0, len(ids) - limit)
        if any(mask[1:limit]):
            # Weights above 0 only say that a turn is trained on; here each token counts once.
            yield ids[:limit], [float(weight > 0) for weight in mask[:limit]]
    elif record.kind == "text":
        ids = lm.tokenizer.encode(record.text or "", special=True)
        end = lm.tokenizer.eos
        ids = ids if end is None or ids[-1:] == [end] else [*ids, end]
        for start in range(0, len(ids), limit):
            piece = ids[start : start + limit]
            if len(piece) > 1:
                yield piece, [1.0] * len(piece)


def _batches(pieces: Iterator[tuple[int, Piece]]) -> Iterator[list[tuple[int, Piece]]]:
    batch: list[tuple[int, Piece]] = []
    filled = 0
    for record, piece in pieces:
        if batch and filled + len(piece[0]) > BATCH_TOKENS:
            yield batch
            batch, filled = [], 0
        batch.append((record, piece))
        filled += len(piece[0])
    if batch:
        yield batch


def _octets(lm: LanguageModel, ids: Sequence[int], mask: Sequence[float]) -> int:
    """Bytes of the text that the targets write: each run of targets is decoded, special tokens are not text."""
    total, run = 0, list[int]()
    for place, token in enumerate(ids):
        if place and mask[place]:
            run.append(token)
        elif run:
            total += len(lm.tokenizer.decode(run).encode())
            run = []
    return total + len(lm.tokenizer.decode(run).encode())
