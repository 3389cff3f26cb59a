"""Writes every text in one way: mojibake mended, control characters out, line breaks and spaces plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from tuneloop.prepare.decision import KEEP, Decision, Keep, Replace
from tuneloop.prepare.rewrite import rewrite
from tuneloop.prepare.step import Step
from tuneloop.records import Record
from tuneloop.text import mojibake, normalize
from tuneloop.wording import Words


class Normalize(Step):
    title = Words("Normalization", "文本规范化")
    help = Words(
        "Mends text read in a wrong encoding, removes control and zero-width characters, and makes line breaks, spaces "
        "and composed letters uniform. Chinese punctuation and full-width forms stay. Text whose characters are lost "
        "(锟斤拷) is flagged.",
        "修复乱码，去除控制字符和零宽字符，统一换行、空格和组合字符；中文标点和全角字符保持不变；无法恢复的乱码（锟斤拷）会标记出来。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "lost_characters": Words("Holds characters that were lost in a wrong encoding", "含有因编码错误而丢失的字符")
    }

    def concerns(self, payload: str) -> bool:
        return normalize.concerns(payload) or mojibake.is_lost(payload)

    def decide_one(self, record: Record) -> Decision:
        edits: Counter[str] = Counter()
        lost = False

        def change(text: str) -> str:
            nonlocal lost
            text, made = normalize.normalize(text)
            edits.update(made)
            lost = lost or mojibake.is_lost(text)
            return text

        changed = rewrite(record, change)
        flags = ("lost_characters",) if lost else ()
        if changed is record:
            return Keep(flags) if flags else KEEP
        return Replace(changed, dict(edits), flags)
