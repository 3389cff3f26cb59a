"""Supervised fine-tuning: the assistant's words are targets, the questions are not."""

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


class SupervisedFineTuning(Objective):
    """Dialogues teach the assistant's turns (a turn of weight 0 stays out); plain texts among them are learned whole,
    which serves a mixture of dialogues and text."""

    title: ClassVar[Words] = Words("supervised fine-tuning", "监督微调")
    help: ClassVar[Words] = Words(
        "Learns the assistant's answers in instructions and dialogues.", "学习指令和对话中助手的回答。"
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("chat", "text"))

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return self.encode_many([record], lm, limit)[0]

    def encode_many(self, records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Encoded]:
        return next_token.encode_all(records, lm, limit, whole_dialogues=False)

    def loss(self, lm: LanguageModel, batch: Batch) -> Loss:
        return next_token.summed_loss(lm, batch)
