"""The answer holds the reference, whatever else it says."""

from __future__ import annotations

from typing import ClassVar

from tuneloop.scores.metric import Metric
from tuneloop.scores.units import units
from tuneloop.wording import Words


class Contains(Metric):
    """Made for references that are values (a name, a date, a price).

    Whole units only: 5 is not in 3.5 or 15, "cat" not in "category".  Not covered: an answer that denies the value ("it
    isn't 5"), and values inside longer Chinese words (五 is found in 十五).
    """

    title: ClassVar[Words] = Words("Contains the reference", "包含参考答案")
    help: ClassVar[Words] = Words(
        "Share of answers in which the reference stands as it is; fit for short references such as names and dates.",
        "答案中原样出现参考答案的比例；适合人名、日期、价格这类简短的参考答案。",
    )

    def score(self, answer: str, reference: str) -> float:
        said, wanted = units(answer), units(reference)
        starts = range(len(said) - len(wanted) + 1)
        return float(any(said[start : start + len(wanted)] == wanted for start in starts))
