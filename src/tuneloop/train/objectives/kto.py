"""KTO: single answers, each rated good or bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.errors import InputError
from tuneloop.records import ObjectiveNeeds, Record, Turn
from tuneloop.train.defaults import Derived, Facts
from tuneloop.train.objective import Encoded, Example, Objective, Tokens
from tuneloop.train.pairs import answered, cut_to, gentle
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.learner import Learner, Scene

GOOD, BAD = 1.0, 0.0


class KahnemanTversky(Objective):
    """With the log-ratio r(y) = log p(y) - log p_reference(y), summed over an answer's tokens:

        good: w_good · (1 - σ(β (r - z)))    bad: w_bad · (1 - σ(β (z - r)))    Ethayarajh et al., arXiv 2402.01306

    z estimates how far the model has moved from the reference, as the mean log-ratio of answers under prompts that are
    not theirs, at least 0; no gradient goes through it.  It is taken over the whole optimizer step, so that
    micro-batches do not change it.  An answer's foreign prompt is that of the record behind it in the stored order,
    which is random; records are encoded 256 at a time, and the last one's answer goes under the first one's prompt.  A
    record that is alone in that keeps its own prompt.  Rewards of the curves are β · r.
    """

    title: ClassVar[Words] = Words("Kahneman-Tversky optimization (KTO)", "卡尼曼-特沃斯基优化（KTO）")
    help: ClassVar[Words] = Words(
        "Learns from single answers with a thumb up or down; no pairs are needed.",
        "从单个带赞或踩的回答中学习，不需要成对数据。",
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("rating",))
    rate: ClassVar[float] = 0.1

    beta: float = setting(
        0.1,
        gt=0,
        en="how dearly moving away from the starting model is paid for; larger is more cautious",
        zh="偏离起点模型的代价系数，越大越保守",
    )
    desirable_weight: float | None = setting(
        None,
        gt=0,
        en="weight of good answers; when left out, both kinds count alike in sum",
        zh="好回答的权重；不填则两类总权重相等",
    )
    undesirable_weight: float | None = setting(
        None,
        gt=0,
        en="weight of bad answers; when left out, both kinds count alike in sum",
        zh="差回答的权重；不填则两类总权重相等",
    )

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        return gentle(facts)

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return self.encode_many([record], lm, limit)[0]

    def encode_many(self, records: Sequence[Record], lm: LanguageModel, limit: int) -> list[Encoded]:
        alone = [_encoded(record, lm, limit) for record in records]
        whole = [one for one in alone if not isinstance(one, Encoded)]
        # The record before it, and for the first one the last: TRL rotates in the same direction.
        foreign = iter([*whole[-1:], *whole[:-1]])
        return [
            one if isinstance(one, Encoded) else _with_foreign(record, one, next(foreign), limit)
            for record, one in zip(records, alone, strict=True)
        ]

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.kto import KtoLearner

        return KtoLearner(self, scene)

    def weights(self, good: float, bad: float) -> tuple[float, float]:
        """The weights of good and bad answers in data whose examples of each kind weigh that much in sum.

        Where none is given, the two sums are alike, as the paper wants it (up to a factor of 4/3), and the kind with
        more keeps the weight 1.
        """
        first, second = self.desirable_weight, self.undesirable_weight
        if first is None and second is None and good and bad:
            return max(good, bad) / good, max(good, bad) / bad
        if first is None:
            first = second * bad / good if second and good and bad else 1.0
        if second is None:
            second = first * good / bad if good and bad else 1.0
        return first, second

    def compare(self, ratio: Tensor, shift: float, good: Tensor, weights: tuple[float, float]) -> Tensor:
        """[E] losses of the log-ratios [E]; `shift` is z, `good` [E] says which answers are."""
        import torch

        gain = self.beta * (ratio - shift)
        return torch.where(good, weights[0] * torch.sigmoid(-gain), weights[1] * torch.sigmoid(gain))


def _encoded(record: Record, lm: LanguageModel, limit: int) -> Tokens | Encoded:
    """Prompt and rated answer, uncut, or why there is no example."""
    if not isinstance(record.label, bool):
        return Encoded(aside="label", why=f"found {record.label!r}, expected true or false")
    prompt, answer = _parted(record.messages)
    try:
        tokens = answered(prompt, answer, record.tools, lm)
    except InputError as error:
        return Encoded(aside="template", why=str(error))
    if not any(tokens.mask[1:]):
        return Encoded(aside="no_target")
    if not any(tokens.mask[1:limit]):
        return Encoded(aside="answer_cut")
    return tokens


def _parted(messages: Sequence[Turn]) -> tuple[Sequence[Turn], Sequence[Turn]]:
    """The prompt, up to the last turn that the assistant was asked by, and the answer behind it."""
    asked = [place for place, turn in enumerate(messages) if turn.role in ("user", "system", "developer")]
    begin = asked[-1] + 1 if asked else 0
    return messages[:begin], messages[begin:]


def _with_foreign(record: Record, own: Tokens, foreign: Tokens, limit: int) -> Encoded:
    """The example, and beside it another record's answer behind this one's prompt."""
    begin, theirs = own.mask.index(1.0), foreign.mask.index(1.0)
    mismatched = Tokens([*own.ids[:begin], *foreign.ids[theirs:]], [*own.mask[:begin], *foreign.mask[theirs:]])
    kept = cut_to(own, limit)
    example = Example(kept.ids, kept.mask, label=GOOD if record.label else BAD)
    return Encoded((replace(example, other=cut_to(mismatched, limit)),), len(own.ids) - len(kept.ids))
