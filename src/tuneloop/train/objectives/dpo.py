"""DPO: the chosen answer gains on the rejected one, measured against the model that the run starts from."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from tuneloop.config import setting
from tuneloop.train.pairs import Answers, Compared, PairObjective
from tuneloop.wording import Words


class DirectPreference(PairObjective):
    """With the log-ratio r(y) = log p(y) - log p_reference(y), summed over an answer's tokens, and its gain
    d = r(chosen) - r(rejected):

        sigmoid   -(1 - s) · log σ(β d) - s · log σ(-β d)                          Rafailov et al., arXiv 2305.18290
        ipo       (r(chosen) / n_chosen - r(rejected) / n_rejected - 1 / (2 β))²   Azar et al., arXiv 2310.12036

    `s` is `label_smoothing` (Mitchell's conservative DPO: the share of pairs believed to be the wrong way round); `n`
    counts target tokens: as in TRL, ipo takes means over tokens, so that long answers do not outweigh short ones.
    Rewards of the curves are β · r.
    """

    title: ClassVar[Words] = Words("direct preference optimization (DPO)", "直接偏好优化（DPO）")
    help: ClassVar[Words] = Words(
        "Learns from pairs of answers to prefer the better one, without drifting far from where it began.",
        "从成对的优劣回答中学会偏向更好的回答，同时不过分偏离起点模型。",
    )
    rate: ClassVar[float] = 0.1
    referenced: ClassVar[bool] = True

    loss_type: Literal["sigmoid", "ipo"] = setting(
        "sigmoid",
        en="sigmoid: the usual loss; ipo: aims at a bounded gain, for pairs that agree without doubt",
        zh="sigmoid 为常用损失；ipo 以有限的差距为目标，适合毫无争议的偏好对",
    )
    beta: float = setting(
        0.1,
        gt=0,
        en="how dearly moving away from the starting model is paid for; larger is more cautious",
        zh="偏离起点模型的代价系数，越大越保守",
    )
    label_smoothing: float = setting(
        0.0, ge=0, lt=0.5, en="share of pairs believed to be the wrong way round", zh="估计标反的偏好对占比"
    )
    sft_weight: float = setting(
        0.0, ge=0, en="weight of the chosen answers' cross-entropy beside the loss", zh="附加的优选回答交叉熵的权重"
    )

    @model_validator(mode="after")
    def _smoothing_is_of_sigmoid(self) -> DirectPreference:
        if self.loss_type == "ipo" and self.label_smoothing:
            raise ValueError("label_smoothing belongs to loss_type sigmoid; ipo has none")
        return self

    @property
    def imitation(self) -> float:
        return self.sft_weight

    def compare(self, policy: Answers, reference: Answers | None) -> Compared:
        import torch.nn.functional as F

        assert reference is not None
        chosen, rejected = policy.chosen - reference.chosen, policy.rejected - reference.rejected
        if self.loss_type == "ipo":
            gain = chosen / policy.chosen_tokens - rejected / policy.rejected_tokens
            losses = (gain - 1 / (2 * self.beta)) ** 2
        else:
            gain, smoothing = self.beta * (chosen - rejected), self.label_smoothing
            losses = -(1 - smoothing) * F.logsigmoid(gain) - smoothing * F.logsigmoid(-gain)
        return Compared(losses, self.beta * chosen, self.beta * rejected)
