"""The grade in what a judge model wrote.

Looked for in this order, behind `</think>`:

1. behind the last mark such as Score, 评分, 得分, 我给: "Score: **8**", "评分：八分"
2. in the first line, where it holds nothing else: "8", "8 分", "8/10"
3. the only number of the reply, told once or several times

The scale itself is no grade ("8 out of 10", "满分10分", "10分制", "from 0 to 10").  What lies outside the scale, two
numbers without a mark, a percentage, and a reply that is still thinking are not readable.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tuneloop.scores.reasoning import said
from tuneloop.text.numerals import numbers

_MARK = r"(?:score|grade|rating|points?|评分|评分结果|分数|得分|打分|总分|评为|我?给|打)"
_JOINT = r"(?:[\s:：=*_`\"'“”\[(（【<>]|is|of|为|是|出|到)*"
_MARKED = re.compile(f"{_MARK}{_JOINT}(?=[-−]?[0-9０-９零〇一二两三四五六七八九十])", re.IGNORECASE)
_PERCENT = re.compile(r"[0-9.]+\s*[%％]")
_ALONE = re.compile(r"[\W_]*\S{1,5}?\s?(?:分|points?)?[\W_]*")


def grade(reply: str, scale: int) -> float | None:
    """The grade as a share of the scale, from 0 to 1; None where none can be read."""
    if "<think>" in reply and "</think>" not in reply:
        return None
    text = _PERCENT.sub(" ", _without_scale(said(reply), scale)).strip()
    value = _marked(text)
    if value is None:
        value = _first_line(text)
    if value is None:
        found = set(numbers(text))
        value = found.pop() if len(found) == 1 else None
    return float(value / scale) if value is not None and 0 <= value <= scale else None


def _marked(text: str) -> Fraction | None:
    places = list(_MARKED.finditer(text))
    return next(iter(numbers(text[places[-1].end() :].partition("\n")[0])), None) if places else None


def _first_line(text: str) -> Fraction | None:
    line = text.partition("\n")[0]
    found = numbers(line) if _ALONE.fullmatch(line) else []
    return found[0] if len(found) == 1 else None


def _without_scale(text: str, scale: int) -> str:
    top = f"(?:{scale}{'|十' if scale == 10 else ''})"
    told = rf"0\s?(?:to|-|–|—|~|到|至)\s?{top}(?![0-9])|{top}\s?分制|满分\s?[:：为是]?\s?{top}\s?分?"
    text = re.sub(told, " ", text)
    return re.sub(rf"(?<=[0-9])\s?(?:/|out of|points out of)\s?{top}(?!\.?[0-9])", " ", text)
