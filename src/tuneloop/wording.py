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

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Over HTTP it is `{"en": …, "zh": …}`."""
        from pydantic_core import core_schema

        text = core_schema.typed_dict_field(core_schema.str_schema())
        plain = core_schema.typed_dict_schema({"en": text, "zh": text})
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(lambda given: cls(**given), plain),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(cls._asdict, return_schema=plain),
        )


def current_language() -> Language:
    """The reader's language: `TUNELOOP_LANG` (en or zh), else the locale's; English where neither says Chinese."""
    for variable in ("TUNELOOP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
