"""Sentences that a person reads, in Chinese and in English.

Advice, verdicts, reports and the texts of members are `Words`: both languages are written side by side, so that a
missing one cannot be forgotten.  `tests/test_wording.py` walks all of them.
"""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple

Language = Literal["en", "zh"]


class Words(NamedTuple):
    """One sentence in both languages, which may hold `{name}` places for `format`."""

    en: str
    zh: str

    def format(self, **values: Any) -> Words:
        """Fill the places of both languages; a value that is itself `Words` is put in per language."""
        return Words(
            self.en.format(**{key: value.en if isinstance(value, Words) else value for key, value in values.items()}),
            self.zh.format(**{key: value.zh if isinstance(value, Words) else value for key, value in values.items()}),
        )

    def to(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    def __str__(self) -> str:
        return self.to(current_language())


def current_language() -> Language:
    """The reader's language: `TUNELOOP_LANG` (en or zh), else the locale's; English where neither says Chinese."""
    for variable in ("TUNELOOP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
