"""Reward model: a head that gives better answers larger numbers, for judging and for reinforcement learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.records import ObjectiveNeeds, Record
from tuneloop.train.defaults import Derived, Facts
from tuneloop.train.objective import Encoded, Objective
from tuneloop.train.pairs import encode_pair, gentle
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.train.learner import Learner, Scene


class RewardModel(Objective):
    """A number r for a conversation, read from the last token's hidden row (models/heads.py), after Bradley and Terry
    (1952; Ouyang et al., arXiv 2203.02155):

        loss = -log σ(r(chosen) - r(rejected)) + c · (r(chosen) + r(rejected))²

    `c` is `centre` (Eisenstein et al., arXiv 2312.09244).  The head moves together with what the tuner moves and is
    written beside it.  A pair longer than `max_length` is set aside: an answer without its end cannot be judged.
    """

    title: ClassVar[Words] = Words("reward model", "奖励模型")
    help: ClassVar[Words] = Words(
        "Learns from pairs of answers to score an answer, as a judge or as the reward of ppo and grpo.",
        "从成对的优劣回答中学会给回答打分，可作评判，也可作 ppo 和 grpo 的奖励。",
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("preference",), capabilities=frozenset({"head"}))
    rate: ClassVar[float] = 0.1

    centre: float = setting(
        0.0, ge=0, en="pull of the rewards' mean towards 0; 0.01 is customary", zh="使奖励均值趋近 0 的系数，常用 0.01"
    )

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        return gentle(facts)

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return encode_pair(record, lm, limit, whole=True)

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.reward import RewardLearner

        return RewardLearner(self, scene)

    def compare(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        """[E] losses of the rewards [E] of chosen and rejected answers."""
        import torch.nn.functional as F

        return self.centre * (chosen + rejected) ** 2 - F.logsigmoid(chosen - rejected)
