"""The objective contract: which records teach what, and the loss that measures it.

An objective turns a record into token examples (`encode`) and a batch of examples into a loss (`loss`).  The loss comes
as a sum beside the weight that it was summed over, never as a mean: then micro-batches, packed batches and several
devices add up to exactly the big batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from tuneloop.records import ObjectiveNeeds, Record
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.packed import Packed


@dataclass(frozen=True)
class Example:
    """One sequence of token ids; `mask[i]` is the weight of predicting token i from those before it, 0: not trained."""

    ids: Sequence[int]
    mask: Sequence[float]


@dataclass(frozen=True)
class Encoded:
    """What a record became: examples, or the reason (a key of `ASIDE`) for none, with `why` as a sentence where there
    is more to say; `cut` counts tokens left out."""

    examples: tuple[Example, ...] = ()
    cut: int = 0
    aside: str = ""
    why: str = ""


ASIDE: Mapping[str, Words] = {
    "kind": Words("of a kind that this objective does not train on", "类型不适用于该训练目标"),
    "no_target": Words(
        "nothing in it is to be learned (no answer, or weight 0)", "没有可学习的内容（无回答或权重为 0）"
    ),
    "template": Words("the chat template refuses it", "对话模板不接受"),
    "answer_cut": Words("the answer begins beyond max_length", "回答起始位置超出 max_length"),
    "too_short": Words("fewer than two tokens", "不足两个词元"),
}
"""Why a record is set aside before training; each is counted and told, and none is dropped in silence."""


class Loss(NamedTuple):
    """`total`: weighted sum, differentiable; `weight`: what to divide it by; `metrics`: further sums for the curves."""

    total: Tensor
    weight: float
    metrics: Mapping[str, float] = {}


class Objective(Member, ABC):
    needs: ClassVar[ObjectiveNeeds]

    @abstractmethod
    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        """The record's examples, none longer than `limit` tokens."""

    def encode_many(self, records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Encoded]:
        """`encode` for many at once; a member overrides it where its tokenizer is faster that way."""
        return [self.encode(record, lm, limit) for record in records]

    @abstractmethod
    def loss(self, lm: LanguageModel, batch: Packed) -> Loss:
        """The batch's loss."""


objectives: Registry[Objective] = Registry("tuneloop.train.objectives", Objective)

AWAITED: Mapping[str, str] = {
    "preference": "dpo, orpo, simpo or reward",
    "rating": "kto",
    "label": "classify",
}
"""Kinds of record that import and split already, and the objectives that they wait for."""


def usable(objective: Objective, kinds: Mapping[str, int]) -> int:
    """How many of a version's records, counted by kind, the objective trains on."""
    return sum(count for kind, count in kinds.items() if kind in objective.needs.kinds)
