"""The answer is neither too short nor too long."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from tuneloop.config import setting
from tuneloop.scores.metric import Metric
from tuneloop.wording import Words


class Length(Metric):
    """1 within least <= n <= most, and max(0, 1 - distance / soft) outside, where n counts the answer's characters.

    Characters are code points, white space at the ends aside; a Chinese character and a Latin letter count the same,
    each part of an emoji counts.  Reasoning counts too.
    """

    compares: ClassVar[bool] = False
    title: ClassVar[Words] = Words("Length", "长度")
    help: ClassVar[Words] = Words(
        "The number of characters lies within bounds; outside, the score falls to 0 over a soft edge.",
        "答案字数在规定范围内；超出时分数在缓冲区内逐渐降到 0。",
    )
    least: int = setting(1, ge=0, en="characters at least", zh="最少字数")
    most: int | None = setting(None, ge=1, en="characters at most; no bound when left out", zh="最多字数；不填则不限")
    soft: int = setting(
        0,
        ge=0,
        en="characters beyond a bound at which the score reaches 0; 0: at once",
        zh="超出多少字后降到 0 分；0 表示立即",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Length:
        if self.most is not None and self.most < self.least:
            raise ValueError("`least` not above `most`")
        return self

    def score(self, answer: str, reference: str) -> float:
        count = len(answer.strip())
        beyond = max(self.least - count, 0 if self.most is None else count - self.most, 0)
        if not beyond:
            return 1.0
        return max(0.0, 1 - beyond / self.soft) if self.soft else 0.0
