"""Drops texts that say the same again and again, as broken generators and copied menus do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Drop
from tuneloop.prepare.step import Step
from tuneloop.prepare.taught import answers
from tuneloop.records import Record
from tuneloop.text.redundancy import distinct_share, repeated_lines
from tuneloop.wording import Words


class Repetition(Step):
    """Looks at texts and at answers that are trained on; questions may repeat what they like."""

    title = Words("Repetition inside a text", "文本内部重复")
    help = Words(
        "Drops texts and answers that repeat themselves: few different pieces of eight characters, or the same lines "
        "over and over. Works alike for Chinese and for languages with spaces; poems and tables stay well below.",
        "丢弃自我重复的文本和回答：不同的 8 字片段占比过低，或同样的行反复出现。中文和有空格的语言同样适用；"
        "诗歌和表格远达不到阈值。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "repeats_itself": Words("Repeats the same pieces", "同样的片段反复出现"),
        "repeats_lines": Words("Repeats the same lines", "同样的行反复出现"),
    }

    distinct: float = setting(
        0.3, en="share of different pieces below which a text is dropped", zh="不同片段占比低于多少时丢弃", ge=0, le=1
    )
    lines: float = setting(
        0.6,
        en="share of characters in repeated lines above which a text is dropped",
        zh="重复行的字符占比高于多少时丢弃",
        ge=0,
        le=1,
    )
    minimum: int = setting(24, en="characters from which a text is looked at", zh="多少字符以上才检查", ge=16)

    def decide_one(self, record: Record) -> Decision:
        for text in [turn.text for turn in answers(record)] if record.text is None else [record.text]:
            if len(text) < self.minimum:
                continue
            if (share := distinct_share(text)) < self.distinct:
                return Drop("repeats_itself", f"{share:.2f} < {self.distinct:g}")
            if (share := repeated_lines(text)) > self.lines:
                return Drop("repeats_lines", f"{share:.2f} > {self.lines:g}")
        return KEEP
