"""A text without its personal data: a word for its kind in the place of each piece."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tuneloop.text import language
from tuneloop.text.personal.finder import Finder
from tuneloop.text.personal.kind import kinds
from tuneloop.text.personal.span import Span
from tuneloop.wording import Language


@cache
def _finder() -> Finder:
    return Finder()


def hide(text: str) -> str:
    return hide_all([text])[0]


def hide_all(texts: Sequence[str]) -> list[str]:
    """Texts that belong together, such as the turns of a talk: a name found in one is hidden in all."""
    return [_hidden(text, spans) for text, spans in zip(texts, _finder().find_all(texts), strict=True)]


def _hidden(text: str, spans: Sequence[Span]) -> str:
    if not spans:
        return text
    tongue: Language = "zh" if language.detect(text) == "zh" else "en"
    pieces, end = [], 0
    for span in spans:
        pieces += [text[end : span.start], f"[{kinds.load(span.kind).label.to(tongue)}]"]
        end = span.end
    return "".join([*pieces, text[end:]])
