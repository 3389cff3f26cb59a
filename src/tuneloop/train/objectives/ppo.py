"""Proximal policy optimization (arXiv 1707.06347) of a language model towards rewards (1909.08593)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.records import ObjectiveNeeds
from tuneloop.train.reinforcement import Reinforcement
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.train.learner import Learner, Scene


class ProximalPolicy(Reinforcement):
    """A value head on the same decoder foresees the reward at each token; what turns out better than foreseen becomes
    likelier.  Leaving the starting model costs reward at each token.

    Policy and value share the decoder's weights that move.  The head is new in each run, and is not part of the result.
    """

    title: ClassVar[Words] = Words("proximal policy optimization (PPO)", "近端策略优化（PPO）")
    help: ClassVar[Words] = Words(
        "Lets the model write answers and learns from their scores with a value head that foresees them.",
        "让模型写出回答，借助预测得分的价值头，从实际得分中学习。",
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("chat",), capabilities=frozenset({"packing", "generation"}))
    rate: ClassVar[float] = 0.2

    samples: int = setting(4, ge=1, en="answers written to each question", zh="每个问题生成的回答数")
    epochs: int = setting(2, ge=1, en="passes over the answers of a round", zh="每轮回答的训练遍数")
    minibatches: int = setting(2, ge=1, en="optimizer steps in such a pass", zh="每遍的优化步数")
    epsilon: float = setting(0.2, gt=0, en="range around 1 in which a ratio counts", zh="比率的裁剪范围")
    value_epsilon: float = setting(
        0.2, gt=0, en="range around the old value in which a value may move", zh="价值相对旧值的裁剪范围"
    )
    value_weight: float = setting(0.1, ge=0, en="weight of the value's loss", zh="价值损失的权重")
    gamma: float = setting(1.0, gt=0, le=1, en="discount of later rewards, per token", zh="后续奖励的逐词元折扣")
    lam: float = setting(
        0.95, ge=0, le=1, en="lambda of the generalized advantages: 0 trusts the value, 1 the rewards",
        zh="广义优势的 λ：0 完全依据价值，1 完全依据奖励",
    )  # fmt: skip
    whiten: bool = setting(
        True, en="advantages of a round get mean 0, variance 1", zh="将每轮优势标准化为均值 0、方差 1"
    )
    penalty: float = setting(
        0.05, ge=0, en="reward taken per nat of divergence from the starting model; 0 leaves it out",
        zh="与起始模型每 1 奈特散度扣除的奖励；0 表示不用",
    )  # fmt: skip
    target: float | None = setting(
        None,
        gt=0,
        en="divergence of an answer, in nats, that the penalty adapts to; left out: the penalty stays",
        zh="每个回答的目标散度（奈特），罚项据此调整；不填则罚项不变",
    )

    @property
    def compares(self) -> bool:
        return self.penalty > 0

    @property
    def passes(self) -> int:
        return self.epochs * self.minibatches

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.ppo import PpoLearner

        return PpoLearner(self, scene)
