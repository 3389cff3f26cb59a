"""What objectives share that predict the next token: encoding, cutting sequences to length, and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuneloop.errors import InputError
from tuneloop.records import Record
from tuneloop.train.objective import Encoded, Example, Loss

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.batches import Batch


TOKEN_ACCURACY = "token_accuracy"
"""The curve of how many targets were the likeliest token, as a share."""


def encode_all(records: Sequence[Record], lm: LanguageModel, limit: int, *, whole_dialogues: bool) -> list[Encoded]:
    """Texts closed with the model's end token, in pieces; dialogues by the chat template, cut at the end.

    In a dialogue the assistant's turns are targets, or with `whole_dialogues` every token is.
    """
    texts = iter(_texts([record.text or "" for record in records if record.kind == "text"], lm))
    return [
        in_pieces(next(texts), limit) if record.kind == "text" else _dialogue(record, lm, limit, whole_dialogues)
        for record in records
    ]


def _texts(texts: Sequence[str], lm: LanguageModel) -> list[list[int]]:
    encoded = lm.tokenizer.encode_many(texts, special=True)
    end = lm.tokenizer.eos
    return [ids if end is None or ids[-1:] == [end] else [*ids, end] for ids in encoded]


def _dialogue(record: Record, lm: LanguageModel, limit: int, whole: bool) -> Encoded:
    from tuneloop.models.chat import encode_record

    try:
        ids, mask = encode_record(record, lm.tokenizer, lm.template)
    except InputError as error:
        return Encoded(aside="template", why=str(error))
    return in_pieces(ids, limit) if whole else cut_end(ids, mask, limit)


def in_pieces(ids: Sequence[int], limit: int) -> Encoded:
    """A text as pieces of at most `limit` tokens, every token a target: nothing is cut, each piece starts afresh.

    A last piece of one token has nothing to predict and joins nothing: it counts as cut.
    """
    if len(ids) < 2:
        return Encoded(aside="too_short")
    starts = range(0, len(ids), limit)
    pieces = [ids[start : start + limit] for start in starts]
    cut = len(pieces.pop()) if len(pieces[-1]) < 2 else 0
    return Encoded(tuple(Example(piece, [1.0] * len(piece)) for piece in pieces), cut)


def cut_end(ids: Sequence[int], mask: Sequence[float], limit: int) -> Encoded:
    """A dialogue as one example, cut at the end; set aside where no target is left."""
    if len(ids) < 2:
        return Encoded(aside="too_short")
    if not any(mask[1:]):
        return Encoded(aside="no_target")
    if not any(mask[1:limit]):
        return Encoded(aside="answer_cut")
    return Encoded((Example(ids[:limit], mask[:limit]),), max(0, len(ids) - limit))


def summed_loss(lm: LanguageModel, batch: Batch) -> Loss:
    """Cross-entropy in nats at the batch's targets, times their weights; of the same weight is the share of targets
    that were the likeliest token."""
    packed = batch.packed
    weights = packed.target_weights
    hits = no_hits(batch)
    nats = lm.token_nll(packed, weights, hits) * weights
    by_example = None
    if len(batch.examples.groups) > 1:
        by_example = summed_by(batch, nats.detach(), weights)
    told = {TOKEN_ACCURACY: float(weights[hits].sum())}
    return Loss(nats.sum(), float(weights.sum()), told, by_example)


def no_hits(batch: Batch) -> Tensor:
    """[N] bool at the batch's targets, for `token_nll` to fill."""
    import torch

    return torch.zeros(len(batch.packed.rows), dtype=torch.bool, device=batch.packed.ids.device)


def summed_by(batch: Batch, *values: Tensor) -> Tensor:
    """[E · sides, k]: `values` [N] at the batch's targets, summed within each sequence; differentiable."""
    import torch

    packed = batch.packed
    rows = torch.stack([value.float() for value in values], dim=1)
    return rows.new_zeros(len(packed.lengths), len(values)).index_add(0, packed.owners, rows)


def log_probabilities(lm: LanguageModel, batch: Batch, hits: Tensor | None = None) -> Tensor:
    """[E, sides] float32: log-probability in nats of each sequence's targets, each counted once; differentiable.

    `hits` as in `token_nll`.
    """
    return -summed_by(batch, lm.token_nll(batch.packed, hits=hits)).view(len(batch), batch.sides)
