"""Continued pre-training: every token is a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tuneloop.records import ObjectiveNeeds, Record
from tuneloop.train import next_token
from tuneloop.train.objective import Encoded, Loss, Objective
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.batches import Batch


class ContinuedPretraining(Objective):
    """Texts are closed with the model's end token and split into pieces of at most the limit; dialogues are rendered
    by the chat template and learned whole, questions included."""

    title: ClassVar[Words] = Words("continued pre-training", "继续预训练")
    help: ClassVar[Words] = Words(
        "Learns every token: for plain text, and for training a new model from nothing.",
        "学习每个词元：用于纯文本，以及从零训练新模型。",
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("text", "chat"))

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return self.encode_many([record], lm, limit)[0]

    def encode_many(self, records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Encoded]:
        return next_token.encode_all(records, lm, limit, whole_dialogues=True)

    def loss(self, lm: LanguageModel, batch: Batch) -> Loss:
        return next_token.summed_loss(lm, batch)
