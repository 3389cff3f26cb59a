"""A text without its personal data: a word for its kind in the place of each piece."""

from __future__ import annotations

from functools import cache

from tuneloop.text import language
from tuneloop.text.personal.finder import Finder
from tuneloop.text.personal.kind import kinds
from tuneloop.wording import Language


@cache
def _finder() -> Finder:
    return Finder()


def hide(text: str) -> str:
    spans = _finder().find(text)
    if not spans:
        return text
    tongue: Language = "zh" if language.detect(text) == "zh" else "en"
    pieces, end = [], 0
    for span in spans:
        pieces += [text[end : span.start], f"[{kinds.load(span.kind).label.to(tongue)}]"]
        end = span.end
    return "".join([*pieces, text[end:]])
