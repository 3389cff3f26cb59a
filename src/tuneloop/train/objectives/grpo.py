"""Group-relative policy optimization (arXiv 2402.03300), with the options and defaults of TRL 1.16."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tuneloop.config import setting
from tuneloop.records import ObjectiveNeeds
from tuneloop.train.reinforcement import Reinforcement
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.train.learner import Learner, Scene


class GroupRelativePolicy(Reinforcement):
    """Answers to one question are compared with each other: what is better than its group's mean becomes likelier.

    A group whose answers all get one reward teaches nothing; how many do is a curve (`same_reward`).
    """

    title: ClassVar[Words] = Words("group-relative policy optimization (GRPO)", "组相对策略优化（GRPO）")
    help: ClassVar[Words] = Words(
        "Lets the model write several answers to each question and learns from how they are scored.",
        "让模型对每个问题写出多个回答，根据得分高低学习。",
    )
    needs: ClassVar[ObjectiveNeeds] = ObjectiveNeeds(kinds=("chat",), capabilities=frozenset({"packing", "generation"}))
    rate: ClassVar[float] = 0.2

    samples: int = setting(8, ge=2, en="answers written to each question", zh="每个问题生成的回答数")
    reuse: int = setting(
        1, ge=1, en="optimizer steps on the same answers (mu in the paper)", zh="同一批回答上的优化步数（论文中的 mu）"
    )
    scale_rewards: Literal["group", "batch", "none"] = setting(
        "group", en="deviation that advantages are divided by: of the group, of the batch, or none",
        zh="优势除以哪个标准差：组内、整批，或不除",
    )  # fmt: skip
    loss_type: Literal["dapo", "grpo", "dr_grpo"] = setting(
        "dapo",
        en="mean over all tokens (dapo), over each answer's and then answers (grpo), sum over max_tokens (dr_grpo)",
        zh="损失的平均方式：对全部词元（dapo）；先对每个回答的词元、再对回答（grpo）；总和除以 max_tokens（dr_grpo）",
    )
    epsilon: float = setting(0.2, gt=0, en="how far below 1 a ratio still counts", zh="比率下侧的裁剪范围")
    epsilon_high: float | None = setting(
        None, gt=0, en="how far above 1; as `epsilon` when left out", zh="比率上侧的裁剪范围；不填则同 epsilon"
    )
    beta: float = setting(
        0.0,
        ge=0,
        en="weight of the divergence from the starting model; 0 leaves it out",
        zh="与起始模型散度的权重，0 表示不用",
    )
    corrected_divergence: bool = setting(
        True,
        en="multiply the divergence by the ratio, which makes it right for reused answers (arXiv 2512.02556)",
        zh="散度乘以概率比，使重复利用的回答也无偏（arXiv 2512.02556）",
    )

    @property
    def compares(self) -> bool:
        return self.beta > 0

    @property
    def passes(self) -> int:
        return self.reuse

    def start(self, scene: Scene) -> Learner:
        from tuneloop.train.learners.grpo import GrpoLearner

        return GrpoLearner(self, scene)
