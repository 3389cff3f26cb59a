"""Takes web addresses out of texts; what stands before and behind them stays."""

from __future__ import annotations

import re
from typing import Literal

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Replace
from tuneloop.prepare.rewrite import rewrite
from tuneloop.prepare.step import Step
from tuneloop.records import Record
from tuneloop.text import code, language, urls
from tuneloop.wording import Words

_STAND_IN = Words("[link]", "[链接]")
_LINKED = re.compile(r"!?\[([^\[\]\n]*)\]\(\s*<?\s*\0\s*>?(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)")
_WRAPPED = re.compile(r"<\0>|\(\0\)|（\0）|【\0】|\[\0\]|\0")


class Urls(Step):
    """Not among the default steps: where answers should point to pages, addresses are the content."""

    title = Words("Web addresses", "网址")
    help = Words(
        "Takes web addresses out and keeps the sentence around them, in Chinese too, where no space follows an "
        "address. A Markdown link keeps its words. Code between backticks stays as it is.",
        "去除网址，保留前后的句子（中文里网址后面没有空格也不会误删）；Markdown 链接保留其文字；"
        "反引号内的代码保持原样。",
    )

    mode: Literal["mark", "remove"] = setting(
        "mark",
        en="mark: [link] in its place, so that the sentence stays whole; remove: nothing in its place",
        zh="mark：用“[链接]”占位，句子保持完整；remove：直接删除",
    )
    bare: bool = setting(
        False,
        en="are addresses without http:// or www. meant too (example.com/a)?",
        zh="没有 http:// 和 www. 的网址（example.com/a）是否也算",
    )

    def concerns(self, payload: str) -> bool:
        return "://" in payload or "www." in payload.lower() or (self.bare and urls.concerns(payload))

    def decide_one(self, record: Record) -> Decision:
        count = 0
        stand_in = _STAND_IN.to(self._tongue(record)) if self.mode == "mark" else ""

        def change(text: str) -> str:
            nonlocal count
            marked, found = self._marked(text)
            count += found
            return _settled(marked, stand_in) if found else text

        changed = rewrite(record, lambda text: code.outside(text, change))
        return KEEP if changed is record else Replace(changed, {"urls": count})

    def _tongue(self, record: Record) -> Literal["en", "zh"]:
        """The language around the addresses, whose own letters say nothing."""
        words = self._marked(record.full_text)[0]
        return "zh" if language.detect(words) == "zh" else "en"

    def _marked(self, text: str) -> tuple[str, int]:
        """The text with NUL in the place of each address; texts with NUL inside are left to `normalize`."""
        if "\0" in text:
            return text, 0
        pieces: list[str] = []
        end = 0
        for url in urls.find(text, bare=self.bare):
            pieces += [text[end : url.start], "\0"]
            end = url.end
        return "".join([*pieces, text[end:]]), len(pieces) // 2


def _settled(text: str, stand_in: str) -> str:
    text = _LINKED.sub(lambda link: link[1], text)
    if stand_in:
        return text.replace("<\0>", stand_in).replace("\0", stand_in)
    return _WRAPPED.sub("", re.sub(rf"[ \t]+(?:{_WRAPPED.pattern})(?=\s|$)", "", text))
