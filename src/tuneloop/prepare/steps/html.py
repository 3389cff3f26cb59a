"""Takes HTML tags and entities out of texts that were copied from pages."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from tuneloop.prepare.decision import KEEP, Decision, Replace
from tuneloop.prepare.rewrite import rewrite
from tuneloop.prepare.step import Step
from tuneloop.records import Record
from tuneloop.text import markup
from tuneloop.wording import Words


class Html(Step):
    """Not among the default steps: in data about programming tags are the subject."""

    title: ClassVar[Words] = Words("HTML remains", "HTML 残留")
    help: ClassVar[Words] = Words(
        "Removes HTML tags, comments and entities and keeps their text; code between backticks stays as it is. Not for "
        "data about programming, where tags are the subject.",
        "去除 HTML 标签、注释和实体，保留其中的文字；反引号内的代码保持原样。编程类数据中标签本身就是内容，请勿使用。",
    )

    def decide_one(self, record: Record) -> Decision:
        edits: Counter[str] = Counter()

        def change(text: str) -> str:
            text, made = markup.strip(text)
            edits.update(made)
            return text

        changed = rewrite(record, change)
        return KEEP if changed is record else Replace(changed, dict(edits), ())
