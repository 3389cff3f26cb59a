"""How little an answer repeats itself."""

from __future__ import annotations

from typing import ClassVar

from tuneloop.config import setting
from tuneloop.scores.metric import Metric
from tuneloop.scores.units import pieces
from tuneloop.wording import Words


class Repetition(Metric):
    """Different n-grams / all n-grams: 1 where none is repeated, near 0 in a loop.

    This is distinct-n (Li et al., 2016, arXiv 1510.03055) within one answer, counted in characters for Chinese and in
    words for English; punctuation counts, so that "!!!!!!" is seen.  An answer of at most n pieces scores 1, an empty
    one too.  Long texts repeat some n-grams without fault, so compare answers of like length.
    """

    compares: ClassVar[bool] = False
    title: ClassVar[Words] = Words("Without repetition", "不重复度")
    help: ClassVar[Words] = Words(
        "Share of different n-grams among all n-grams of the answer; 1 means that none is repeated.",
        "答案的 n 元组中互不相同者所占的比例；1 表示没有重复。",
    )
    size: int = setting(
        4, ge=1, en="characters (Chinese) or words (English) in one n-gram", zh="n 元组的长度，中文按字计，英文按词计"
    )

    def score(self, answer: str, reference: str) -> float:
        found = pieces(answer)
        grams = [tuple(found[start : start + self.size]) for start in range(len(found) - self.size + 1)]
        return len(set(grams)) / len(grams) if grams else 1.0
