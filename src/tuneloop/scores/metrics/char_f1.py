"""How much of the reference is in the answer, and of the answer in the reference, in any order."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from tuneloop.scores.metric import Metric
from tuneloop.scores.units import units
from tuneloop.wording import Words


class CharF1(Metric):
    """The harmonic mean of precision and recall over multisets of units: characters in Chinese, words in English.

    In English this is SQuAD's F1 (Rajpurkar et al., 2016) without its dropping of articles.  Order is not seen: 狗咬人
    and 人咬狗 score 1; `rouge_l` sees it.
    """

    title: ClassVar[Words] = Words("Character F1", "字符 F1")
    help: ClassVar[Words] = Words(
        "Overlap of answer and reference, counted in characters for Chinese and in words for English.",
        "答案与参考答案的重合程度：中文按字计，英文按词计。",
    )

    def score(self, answer: str, reference: str) -> float:
        said, wanted = units(answer), units(reference)
        if not said or not wanted:
            return float(said == wanted)
        shared = (Counter(said) & Counter(wanted)).total()
        return 2 * shared / (len(said) + len(wanted))
