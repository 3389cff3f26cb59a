"""SimPO: the chosen answer's mean log-probability leads the rejected one's by a margin; there is no reference."""

from __future__ import annotations

from typing import ClassVar

from tuneloop.config import setting
from tuneloop.train.pairs import Answers, Compared, PairObjective
from tuneloop.wording import Words


class SimplePreference(PairObjective):
    """With the mean log-probability per token l(y):

        loss = -log σ(β · (l(chosen) - l(rejected)) - γ)                          Meng et al., arXiv 2405.14734

    Rewards of the curves are β · l.  With `sft_weight` it is what TRL calls CPO-SimPO.
    """

    title: ClassVar[Words] = Words("simple preference optimization (SimPO)", "简单偏好优化（SimPO）")
    help: ClassVar[Words] = Words(
        "Prefers the better answer by its likelihood per token: no reference, and length does not count.",
        "按每词元平均似然偏向更好的回答：无需参考模型，不受长度影响。",
    )
    rate: ClassVar[float] = 0.1

    beta: float = setting(2.0, gt=0, en="scale of the likelihood's lead", zh="似然差的缩放系数")
    gamma: float = setting(1.0, ge=0, en="lead that is aimed at, in the scaled unit", zh="目标领先幅度（缩放后的单位）")
    sft_weight: float = setting(
        0.0, ge=0, en="weight of the chosen answers' cross-entropy beside the loss", zh="附加的优选回答交叉熵的权重"
    )

    @property
    def imitation(self) -> float:
        return self.sft_weight

    def compare(self, policy: Answers, reference: Answers | None) -> Compared:
        import torch.nn.functional as F

        chosen = self.beta * policy.chosen / policy.chosen_tokens
        rejected = self.beta * policy.rejected / policy.rejected_tokens
        return Compared(-F.logsigmoid(chosen - rejected - self.gamma), chosen, rejected)
