"""What objectives share that compare two answers to one prompt: the examples, and the way from log-probabilities to a
loss.

An example is prompt and chosen answer, its `other` prompt and rejected answer.  Targets are the tokens that the
assistant writes in the answer, end token included; assistant turns of the shared prompt are read only.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tuneloop.errors import InputError
from tuneloop.records import ObjectiveNeeds, Record, Turn
from tuneloop.train.defaults import Derived, Facts
from tuneloop.train.objective import Encoded, Example, Loss, Objective, Tokens
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.batches import Batch
    from tuneloop.train.learner import Learner, Scene


class Answers(NamedTuple):
    """[E] float32 each: log-probabilities in nats of the chosen and the rejected answers, and their target tokens."""

    chosen: Tensor
    rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor


class Compared(NamedTuple):
    """[E] each: the loss of each pair, and the rewards that it implies for the two answers."""

    losses: Tensor
    chosen_reward: Tensor
    rejected_reward: Tensor


class PairObjective(Objective):
    """`referenced`: it compares with the model that the run starts from.  `imitation` is the weight of the chosen
    answers' cross-entropy, a mean over the step's tokens, beside the loss of the pairs."""

    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("preference",))
    referenced: ClassVar[bool] = False

    @property
    def imitation(self) -> float:
        return 0.0

    @abstractmethod
    def compare(self, policy: Answers, reference: Answers | None) -> Compared:
        """The formula; `reference` is there where the objective is `referenced`."""

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        return gentle(facts)

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return encode_pair(record, lm, limit)

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.pair import PairLearner

        return PairLearner(self, scene)


def gentle(facts: Facts) -> Mapping[str, Derived]:
    """Passes over preference data: 3 up to 1,000 examples, fewer with the root of their number, 1 from 9,000 on."""
    passes = float(round(min(3.0, max(1.0, 3 * (1000 / max(1, facts.examples)) ** 0.5))))
    why = Words("{n} preferences; more passes make the model forget", "{n} 条偏好数据；遍数过多会损害原有能力")
    return {
        "epochs": Derived(passes, why.format(n=f"{facts.examples:,}")),
        "replay": Derived(0.0, Words("general examples hold no preferences", "通用样本不含偏好信息")),
    }


def encode_pair(record: Record, lm: LanguageModel, limit: int, *, whole: bool = False) -> Encoded:
    """Both answers behind their prompt, each cut at the end to `limit` tokens; with `whole` a pair that would be cut is
    set aside."""
    if record.chosen == record.rejected:
        return Encoded(aside="equal_answers")
    try:
        chosen, rejected = (
            answered(record.messages, one, record.tools, lm) for one in (record.chosen, record.rejected)
        )
    except InputError as error:
        return Encoded(aside="template", why=str(error))
    if chosen.ids == rejected.ids:
        return Encoded(aside="equal_answers", why="the chat template writes both alike")
    longest = max(len(chosen.ids), len(rejected.ids))
    if whole and longest > limit:
        return Encoded(aside="too_long", why=f"{longest} tokens of at most {limit}")
    if not (any(chosen.mask[1:]) and any(rejected.mask[1:])):
        return Encoded(aside="no_target")
    first, second = cut_to(chosen, limit), cut_to(rejected, limit)
    if not (any(first.mask[1:]) and any(second.mask[1:])):
        return Encoded(aside="answer_cut")
    if first.ids == second.ids:
        return Encoded(aside="answer_cut", why=f"the answers differ only beyond {limit} tokens")
    cut = len(chosen.ids) + len(rejected.ids) - len(first.ids) - len(second.ids)
    return Encoded((Example(first.ids, first.mask, second),), cut)


def answered(prompt: Sequence[Turn], answer: Sequence[Turn], tools: Sequence[Any], lm: LanguageModel) -> Tokens:
    """Prompt and answer by the chat template; the mask is 1 at the assistant's tokens in the answer, else 0.

    Raises InputError where the template refuses them.
    """
    from tuneloop.models.chat import encode_chat

    read_only = [replace(turn, weight=0.0) if turn.role == "assistant" else turn for turn in prompt]
    ids, mask = encode_chat([*read_only, *answer], tools, lm.tokenizer, lm.template)
    return Tokens(ids, [float(weight > 0) for weight in mask])


def cut_to(tokens: Tokens, limit: int) -> Tokens:
    return Tokens(tokens.ids[:limit], tokens.mask[:limit])


def outcome(batch: Batch, found: Compared, **figures: Tensor) -> Loss:
    """The batch's loss, a mean over pairs by their weights, with the curves of every preference objective."""
    import torch

    losses, chosen, rejected = found
    weights = batch.weights
    shown = {
        "chosen_reward": chosen,
        "rejected_reward": rejected,
        "margin": chosen - rejected,
        "accuracy": (chosen > rejected).float(),
        **figures,
    }
    metrics = {name: float((value.detach() * weights).sum()) for name, value in shown.items()}
    by_example = torch.stack((losses.detach() * weights, weights), 1) if len(batch.examples.groups) > 1 else None
    return Loss((losses * weights).sum(), float(weights.sum()), metrics, by_example)
