"""The two rules of thumb that people use for the memory of full tuning, and when each of them is right."""

from __future__ import annotations

from tuneloop.models.memory import BYTES, Work
from tuneloop.models.tunings import Tuning
from tuneloop.wording import Words

SIXTEEN = Words(
    "parameters × 4 bytes × 4 / 1024³: weights, gradients and both moments of Adam in float32, activations not counted",
    "参数量 × 4 字节 × 4 / 1024³：权重、梯度和 Adam 的两个动量都用 float32，不含激活值",
)
EIGHT = Words(
    "8 bytes a parameter: the same four in bfloat16 (2 bytes each), which loses small updates; activations not counted",
    "每个参数 8 字节：上述四项都用 bfloat16（各 2 字节），微小更新会丢失；不含激活值",
)


def sixteen_bytes(parameters: float) -> float:
    """GiB for full tuning in float32: 104 at 7B."""
    return parameters * 4 * 4 / 1024**3


def eight_bytes(parameters: float) -> float:
    """GB (10⁹ bytes) for full tuning with everything in bfloat16: 56 at 7B, 104 at 13B, 560 at 70B; often told as 60,
    120 and 600."""
    return parameters * 8 / 1e9


def applies(tuning: Tuning, work: Work) -> Words:
    """Which of the two holds for a run of ours, and why."""
    if not tuning.own:
        return Words(
            "Neither rule applies: they count full tuning. Here {moving:,} parameters move, and only they have"
            " gradients and moments.",
            "两条经验公式都不适用：它们针对全参微调。这里只有 {moving:,} 个参数更新，只有它们需要梯度和优化器状态。",
        ).format(moving=tuning.moving)
    if BYTES[work.dtype] == 4:
        return Words(
            "The rule of 16 bytes applies, activations on top: weights, gradients and moments are float32.",
            "适用 16 字节公式，另加激活值：权重、梯度和优化器状态都是 float32。",
        )
    return Words(
        "The rule of 16 bytes is near, with 2 more for the bfloat16 copy that computes: masters, gradients and moments"
        " stay float32, as sums of small updates need. The rule of 8 keeps them in bfloat16, which is not done here.",
        "接近 16 字节公式，另加 2 字节的 bfloat16 计算副本：主权重、梯度和优化器状态保持 float32，"
        "因为累积微小更新需要这个精度。8 字节公式把它们都存成 bfloat16，这里不这样做。",
    )
