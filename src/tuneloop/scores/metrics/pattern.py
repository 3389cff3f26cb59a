"""The answer matches a regular expression, or must not."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from pydantic import field_validator

from tuneloop.config import setting
from tuneloop.errors import SettingError
from tuneloop.scores.metric import Metric
from tuneloop.wording import Words

SECONDS = 1.0
"""Longest search in one answer.  Patterns such as (a+)+$ take time that doubles with each character."""


class Pattern(Metric):
    """1 where the pattern is found and `wanted`, or not found and not `wanted`; else 0.

    The syntax is that of the `regex` package, which has all of Python's `re`; ^ and $ are the ends of the answer ((?m)
    makes them those of lines) and a dot matches no line break ((?s) makes it).  The answer is taken as it is, reasoning
    and full-width characters included.  A search of more than a second raises SettingError: the pattern then
    backtracks without end.
    """

    compares: ClassVar[bool] = False
    title: ClassVar[Words] = Words("Pattern", "正则匹配")
    help: ClassVar[Words] = Words(
        "A regular expression is found in the answer, or is not: for required phrases, formats and forbidden words.",
        "答案中能找到（或不应出现）某个正则表达式；用于必备用语、固定格式和禁用词。",
    )
    pattern: str = setting(min_length=1, en="regular expression", zh="正则表达式")
    wanted: bool = setting(True, en="false: the pattern must not be found", zh="false 表示不得出现")
    whole: bool = setting(
        False, en="the whole answer must match, white space around it aside", zh="要求整个答案匹配，首尾空白除外"
    )
    ignore_case: bool = setting(False, en="upper and lower case count as the same", zh="忽略大小写")

    @field_validator("pattern")
    @classmethod
    def _readable(cls, pattern: str) -> str:
        import regex

        try:
            regex.compile(pattern)
        except regex.error as error:
            raise ValueError(f"a regular expression ({error})") from None
        return pattern

    @cached_property
    def _compiled(self) -> Any:
        import regex

        return regex.compile(self.pattern, regex.IGNORECASE if self.ignore_case else 0)

    def score(self, answer: str, reference: str) -> float:
        try:
            if self.whole:
                found = self._compiled.fullmatch(answer.strip(), timeout=SECONDS)
            else:
                found = self._compiled.search(answer, timeout=SECONDS)
        except TimeoutError:
            raise SettingError(
                f"the pattern {self.pattern!r} searched an answer of {len(answer)} characters for more than "
                f"{SECONDS:g} s",
                do="Write it without repetitions inside repetitions, such as (a+)+",
            ) from None
        return float((found is not None) == self.wanted)
