"""The whole answer is the reference, but for case, width, punctuation and white space."""

from __future__ import annotations

from typing import ClassVar

from tuneloop.scores.metric import Metric
from tuneloop.scores.units import units
from tuneloop.wording import Words


class ExactMatch(Metric):
    """All or nothing: 1 where the units of both texts are the same, in the same order."""

    title: ClassVar[Words] = Words("Exact match", "完全一致")
    help: ClassVar[Words] = Words(
        "Share of answers that equal the reference, ignoring case, full-width forms, punctuation and spaces.",
        "答案与参考答案完全一致的比例；忽略大小写、全角半角、标点和空格。",
    )

    def score(self, answer: str, reference: str) -> float:
        return float(units(answer) == units(reference))
