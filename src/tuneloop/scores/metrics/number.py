"""The last number of the answer is the reference's: for arithmetic, counts and prices."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.scores.metric import Metric
from tuneloop.scores.reasoning import said
from tuneloop.text.numerals import numbers
from tuneloop.wording import Words


class Number(Metric):
    """1 where |a - r| <= max(tolerance, relative · |r|), else 0; a and r are the last numbers of answer and reference.

    Numbers are read as `text/numerals.py` says: 1,234.5, １２３４.５, 三十二, 3.5万, 40% (0.4, and not 40), 3/4,
    \\boxed{42}.  Reasoning before `</think>` is passed over.  0 where answer or reference holds no number.

    Not covered: units (5 km is 5 m), several results, and an answer that goes on behind its result with other numbers
    ("32, found in 3 steps" is 3).
    """

    title: ClassVar[Words] = Words("Same number", "数值一致")
    help: ClassVar[Words] = Words(
        "The last number in the answer equals the last number in the reference; Chinese numerals are read too.",
        "答案中最后一个数与参考答案的最后一个数相等；也能识别中文数字。",
    )
    tolerance: float = setting(
        1e-6, ge=0, en="largest difference that still counts as equal", zh="允许的最大绝对误差", allow_inf_nan=False
    )
    relative: float = setting(
        0.0,
        ge=0,
        en="the same as a share of the reference (0.01: one percent); the larger allowance holds",
        zh="允许的相对误差，占参考值的比例（0.01 即百分之一）；与绝对误差取较宽者",
        allow_inf_nan=False,
    )

    def score(self, answer: str, reference: str) -> float:
        found, wanted = numbers(said(answer)), numbers(said(reference))
        if not found or not wanted:
            return 0.0
        allowed = max(Fraction(self.tolerance), Fraction(self.relative) * abs(wanted[-1]))
        return float(abs(found[-1] - wanted[-1]) <= allowed)
