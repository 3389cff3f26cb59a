"""The objective contract: which records teach what, and the loss that measures it.

An objective turns a record into token examples (`encode`) and is put to work on one model by `start`, which gives a
`Learner` (learner.py): that one holds what lasts through a run (heads, references, rollouts).  Most objectives need
none of it and write `loss` alone.

A loss comes as a sum beside the weight that it was summed over, never as a mean: then micro-batches, packed batches and
several devices add up to exactly the big batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from tuneloop.records import ObjectiveNeeds, Record
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.memory import Work
    from tuneloop.train.batches import Batch
    from tuneloop.train.defaults import Derived, Facts
    from tuneloop.train.learner import Learner, Scene
    from tuneloop.train.recipe import TrainRecipe


class Tokens(NamedTuple):
    """One sequence of token ids; `mask[i]` is the weight of predicting token i from those before it, 0: not trained."""

    ids: Sequence[int]
    mask: Sequence[float]


@dataclass(frozen=True)
class Example:
    """One unit of the loss: a sequence, or two that are looked at together (`other`: the rejected answer, say).

    `label` is a number that the objective reads (a class, good or bad), `note` a text that it needs later (the
    reference answer that a reward compares with).
    """

    ids: Sequence[int]
    mask: Sequence[float]
    other: Tokens | None = None
    label: float = 0.0
    note: str = ""


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
    "equal_answers": Words("the chosen and the rejected answer are the same", "优选回答与拒绝回答相同"),
    "too_long": Words("longer than max_length", "长度超出 max_length"),
    "label": Words("a label outside of the scheme", "标签不在体系内"),
}
"""Why a record is set aside before training; each is counted and told, and none is dropped in silence."""


@dataclass(frozen=True)
class Loss:
    """`total`: weighted sum, differentiable; `weight`: what to divide it by; `metrics`: further weighted sums for the
    curves; `by_example` [E, 2]: each example's own part of total and weight, for the curves of its group."""

    total: Tensor
    weight: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    by_example: Tensor | None = None


class Objective(Member, ABC):
    """`rate` is the factor on the default learning rate: objectives that start from a tuned model go gently."""

    needs: ClassVar[ObjectiveNeeds]
    rate: ClassVar[float] = 1.0
    encoders: ClassVar[bool] = False
    """Whether it trains encoders, too, which predict no next token."""

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        """Itself with the settings that nobody gave, derived from the facts, and the reason of each."""
        return self, {}

    @property
    def passes(self) -> int:
        """Optimizer steps on each batch of examples."""
        return 1

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        """Recipe values that nobody gave and for which this objective has a rule of its own."""
        return {}

    def tuner_for(self, facts: Facts) -> Derived:
        """The tuner, where nobody gave one."""
        from tuneloop.train import defaults

        return defaults.tuner(facts)

    def eval_every(self, facts: Facts, steps: int, steps_per_epoch: int) -> Derived:
        """Steps between validations, where nobody gave them."""
        from tuneloop.train import defaults

        return defaults.eval_every(facts, steps, steps_per_epoch)

    @abstractmethod
    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        """The record's examples, none of whose sequences is longer than `limit` tokens."""

    def encode_many(self, records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Encoded]:
        """`encode` for many at once; a member overrides it where its tokenizer is faster that way."""
        return [self.encode(record, lm, limit) for record in records]

    def work(self, plain: Work, recipe: TrainRecipe) -> Work:
        """What a step does, for the estimate of memory and time; `plain` is that of a loss over packed sequences."""
        return plain

    def start(self, scene: Scene) -> Learner:
        """The objective at work in one run; a member with a state of its own returns its own kind of learner."""
        from tuneloop.train.learner import Learner

        return Learner(self, scene)

    def loss(self, lm: LanguageModel, batch: Batch) -> Loss:
        """The batch's loss; not written by members whose learner computes it."""
        raise NotImplementedError(f"the learner of {self.name!r} computes the loss")


objectives: Registry[Objective] = Registry("tuneloop.train.objectives", Objective)


def usable(objective: Objective, kinds: Mapping[str, int]) -> int:
    """How many of a version's records, counted by kind, the objective trains on."""
    return sum(count for kind, count in kinds.items() if kind in objective.needs.kinds)


def trained_by(kind: str) -> list[str]:
    """The objectives that train on a kind of record."""
    return [name for name in objectives if kind in objectives.load(name).needs.kinds]
