"""ORPO: learns the chosen answers and moves the odds away from the rejected ones, in one go and without a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.train.pairs import Answers, Compared, PairObjective
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch import Tensor


class OddsRatioPreference(PairObjective):
    """With the mean log-probability per token l(y) and log-odds o(y) = l - log(1 - exp l):

        loss = cross-entropy(chosen) - λ · log σ(o(chosen) - o(rejected))         Hong et al., arXiv 2403.07691

    The cross-entropy is a mean over the answers' tokens.  TRL's takes the prompt's tokens in as well; the paper, and
    this, do not.  Rewards of the curves are λ · l.
    """

    title: ClassVar[Words] = Words("odds ratio preference optimization (ORPO)", "赔率比偏好优化（ORPO）")
    help: ClassVar[Words] = Words(
        "Learns the better answers and avoids the worse ones in one run, from a base that was not tuned before.",
        "一次训练同时学习好回答、避开差回答，可直接从未微调的基座开始。",
    )
    rate: ClassVar[float] = 0.3

    odds_weight: float = setting(
        0.1,
        gt=0,
        en="weight of the odds ratio beside the cross-entropy (the paper's lambda)",
        zh="赔率比项的权重（论文中的 λ）",
    )

    @property
    def imitation(self) -> float:
        return 1.0

    def compare(self, policy: Answers, reference: Answers | None) -> Compared:
        import torch.nn.functional as F

        chosen, rejected = policy.chosen / policy.chosen_tokens, policy.rejected / policy.rejected_tokens
        losses = -self.odds_weight * F.logsigmoid(_log_odds(chosen) - _log_odds(rejected))
        return Compared(losses, self.odds_weight * chosen, self.odds_weight * rejected)


def _log_odds(mean: Tensor) -> Tensor:
    """log(p / (1 - p)) of p = exp(mean); a certain answer counts as one of 1 - 1e-6, which keeps the odds finite."""
    import torch

    bounded = mean.clamp(max=-1e-6)
    return bounded - torch.log(-torch.expm1(bounded))
