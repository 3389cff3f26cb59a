"""Takes out characters that say nothing: unreadable ones, long runs of one sign, lines drawn with ornaments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Drop, Replace
from tuneloop.prepare.rewrite import rewrite
from tuneloop.prepare.step import Step
from tuneloop.records import Record
from tuneloop.text import code
from tuneloop.wording import Words

# Private use has no meaning outside one font (icons of web pages); U+FFFD and U+FFFC stand for what is lost.
# 锟斤拷 is U+FFFD written as UTF-8 and read as GBK; 烫 and 屯 fill memory that was never written. Once is a quotation.
_UNREADABLE = re.compile("[\ue000-\uf8ff\ufffc\ufffd\U000f0000-\U0010fffd]+|(?:锟斤拷){2,}|[烫屯]{4,}")
# Ornaments and box drawing, three or more, with nothing else on the line. Rules of ASCII signs are Markdown.
_ORNAMENT = re.compile(r"^[ \t　]*[─-╿■-◿☀-➿★☆◆◇●○□♥♡※＊＝－～﹏〓•·…]{3,}[ \t　]*$\n?", re.MULTILINE)
_RUN = r"([!?！？。，、；：…~～^&@$%￥★☆◆◇■□●○♥♡※＊♪►▲▼|·•])\1{LONGEST,}"


class JunkCharacters(Step):
    """Not covered: emoji (they speak), control and zero-width characters (`normalize`), ASCII art in plain text."""

    title = Words("Junk characters", "无意义字符")
    help = Words(
        "Removes unreadable characters (icons of one font, the sign for lost ones) and lines drawn with ornaments, and "
        "shortens runs of one punctuation mark. A record that is mostly such characters is dropped. Markdown rules, "
        "tables, emoji and code between backticks stay.",
        "去除无法显示的字符（字体私有图标、丢失字符的占位符）和装饰线，缩短连续重复的标点；以这类字符为主的记录会被丢弃。"
        "Markdown 分隔线、表格、表情符号和反引号内的代码保持不变。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {"junk": Words("Mostly junk characters", "以无意义字符为主")}

    longest_run: int = setting(
        3, en="equal punctuation marks in a row that may stay", zh="同一个标点最多连续出现几次", ge=1
    )
    share: float = setting(
        0.5,
        en="share of characters removed from which the record is dropped",
        zh="被去除的字符占比达到多少时丢弃整条记录",
        gt=0,
        le=1,
    )

    def decide_one(self, record: Record) -> Decision:
        edits: Counter[str] = Counter()
        run = re.compile(_RUN.replace("LONGEST", str(self.longest_run)))

        def change(text: str) -> str:
            for name, pattern, by in (
                ("unreadable", _UNREADABLE, ""),
                ("ornaments", _ORNAMENT, ""),
                ("runs", run, r"\1" * self.longest_run),
            ):
                text, count = pattern.subn(by, text)
                edits.update({name: count} if count else {})
            return text

        changed = rewrite(record, lambda text: code.outside(text, change))
        if changed is record:
            return KEEP
        before, after = len(record.full_text), len(changed.full_text)
        if before - after >= self.share * before:
            return Drop("junk", f"{before - after} of {before} characters")
        return Replace(changed, dict(edits))
