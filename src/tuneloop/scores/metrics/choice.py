"""The option that an answer chooses, in questions of several choices."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.scores.metric import Metric
from tuneloop.scores.reasoning import said
from tuneloop.scores.units import units
from tuneloop.wording import Words


class Choice(Metric):
    """1 where the answer chooses the letters of the reference, all of them and no others; else 0.

    The reference is a letter (B), several (AC), or a letter with its text (B. 巴黎).  What an answer chooses is looked
    for in this order, after NFKC and behind `</think>`:

    1. the last \\boxed{B}, else the last statement: 答案是B, 选择 B, 应选 (B), the answer is B, Option B (not: 不选B)
    2. the letters that the answer begins with, where it says no more or goes on with a mark: B, (B), B. 巴黎, A、C
    3. the one letter that stands alone in it, where all of those are the same (the word A before a small letter aside)

    An answer without a letter counts where it says the reference's text, or where the reference has no letter and both
    are equal.  Not covered: options told by numbers; the text of other options, which a metric doesn't see.
    """

    title: ClassVar[Words] = Words("Chosen option", "选项一致")
    help: ClassVar[Words] = Words(
        "The letter that the answer chooses is the reference's; several letters must all be right.",
        "答案所选的选项字母与参考答案一致；多选时须全部选对且不多选。",
    )
    letters: str = setting("ABCD", pattern="^[A-Z]{2,26}$", en="letters of the options", zh="选项字母")

    def score(self, answer: str, reference: str) -> float:
        found, wanted = self._plain(answer), self._plain(reference)
        letters, right = self._chosen(found), self._key(wanted)
        if letters:
            return float(letters == right)
        text = self._without_letter.sub("", wanted, count=1) if right else wanted
        return float(bool(units(text)) and units(found) == units(text))

    def _plain(self, text: str) -> str:
        return unicodedata.normalize("NFKC", said(text)).strip()

    def _key(self, reference: str) -> frozenset[str]:
        """The letters of a reference: alone, or in front of the option's text."""
        return self._letters(self._first.match(reference))

    def _chosen(self, answer: str) -> frozenset[str]:
        stated = self._boxed.findall(answer) or self._stated.findall(answer)
        if stated:
            return self._set(stated[-1])
        begun = self._letters(self._first.match(answer))
        if begun:
            return begun
        alone = set(self._alone.findall(answer))
        return frozenset(alone) if len(alone) == 1 else frozenset()

    def _letters(self, found: re.Match[str] | None) -> frozenset[str]:
        return self._set(next(group for group in found.groups() if group)) if found else frozenset()

    def _set(self, run: str) -> frozenset[str]:
        return frozenset(letter for letter in run.replace("and", "").upper() if letter in self.letters)

    @cached_property
    def _run(self) -> str:
        """One letter or several: AC, A、C, A和C, A and C."""
        return rf"[{self.letters}](?:\s?(?:[,、&/和与及]|and)?\s?[{self.letters}](?![A-Za-z]))*(?![A-Za-z])"

    @cached_property
    def _boxed(self) -> re.Pattern[str]:
        return re.compile(rf"\\boxed\{{\s*(?:\\text\{{)?\s*\(?({self._run})")

    @cached_property
    def _stated(self) -> re.Pattern[str]:
        said_so = r"答案|正确选项|选项|(?<![不没别非])选择?|[Aa]nswer|ANSWER|[Oo]ption|[Cc]hoose|[Cc]hoice"
        joint = r"(?:\s|是|为|应|该|选|就|项|了|:|=|\*|\"|“|is|was|would be|should be)*"
        return re.compile(rf"(?:{said_so}){joint}[(\[]?\s*({self._run})(?!\s[a-z])")

    @cached_property
    def _first(self) -> re.Pattern[str]:
        small = f"[{self.letters}{self.letters.lower()}]"
        mark = r"[\s*\"'“”(\[【]*"
        return re.compile(
            rf"{mark}(?:({self._run})(?=[\s*\"'“”)\]】]*(?:$|[.,、:;。!?)\]】\n]))|({small})(?=[)\]】*.。!?\s]*$|[)\]】.]\s?\S))"
        )

    @cached_property
    def _alone(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![A-Za-z0-9'’])([{self.letters}])(?![A-Za-z0-9'’])(?!\s[a-z])")

    @cached_property
    def _without_letter(self) -> re.Pattern[str]:
        return re.compile(rf"^\W*{self._run}\W*")
