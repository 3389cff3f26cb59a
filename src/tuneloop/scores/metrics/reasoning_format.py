"""The answer thinks between its tags, and then answers."""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.scores.metric import Metric
from tuneloop.wording import Words


class ReasoningFormat(Metric):
    """1 where the answer is `<think>`, some text, `</think>`, some text, each tag once and nothing before them; else 0.

    With `answer_tag` the second text stands in a tag of its own, as DeepSeek-R1 was trained (arXiv 2501.12948):
    `<think>…</think><answer>…</answer>`, nothing but white space between and behind.  Where the chat template has
    opened the tag already, set `opened`.  What is thought and answered is not looked at.
    """

    compares: ClassVar[bool] = False
    title: ClassVar[Words] = Words("Reasoning format", "思考格式")
    help: ClassVar[Words] = Words(
        "Reasoning stands between its tags, an answer follows, and there is no other tag.",
        "思考内容写在标签之间，随后给出回答，没有多余的标签。",
    )
    tag: str = setting("think", pattern=r"^\w+$", en="name of the tag around the reasoning", zh="思考标签名")
    answer_tag: str = setting(
        "",
        pattern=r"^\w*$",
        en="name of the tag around the answer; empty: it has none",
        zh="回答标签名；留空表示不用标签",
    )
    opened: bool = setting(
        False,
        en="the prompt ends with the opening tag, so the answer starts inside it",
        zh="提示词末尾已写出开始标签，答案从思考内容开始",
    )

    def score(self, answer: str, reference: str) -> float:
        names = [self.tag, *([self.answer_tag] if self.answer_tag else [])]
        tags = [tag for name in names for tag in (f"<{name}>", f"</{name}>")]
        if any(answer.count(tag) != (0 if self.opened and tag == tags[0] else 1) for tag in tags):
            return 0.0
        found = self._shape.fullmatch(answer.strip())
        return float(found is not None and all(part.strip() for part in found.groups()))

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        opening = "" if self.opened else f"<{self.tag}>"
        answered = rf"\s*<{self.answer_tag}>(.*)</{self.answer_tag}>" if self.answer_tag else "(.*)"
        return re.compile(f"{opening}(.*)</{self.tag}>{answered}", re.DOTALL)
