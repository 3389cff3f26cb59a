"""What a text is counted in: characters where a script writes no spaces between words, words elsewhere.

"Qwen 模型有3.5万人用" has the units qwen 模 型 有 3.5 万 人 用.  Texts are compared after NFKC (full-width forms,
ligatures) and case folding; white space and punctuation only separate.  Traditional and simplified characters stay
different, as do numerals and digits (五, 5).
"""

from __future__ import annotations

import re
import unicodedata

# Bopomofo, Han with its extensions, kana; Thai, Lao, Myanmar and Khmer are written without spaces as well.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Python's \w leaves out combining marks, which would cut Hindi, Hebrew and Arabic words in pieces.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_CHARACTER = f"[{_SPACELESS}]"
_WORD = f"(?:(?!{_CHARACTER})(?:[^\\W_]|[{_MARKS}]))+"
# 3.14, 12:30, 2024-01-02, -5, 40%; a minus only where it can't be a hyphen.
_NUMBER = r"(?:(?<![0-9a-z)\]])-)?[0-9]+(?:[.:/-][0-9]+)*%?"

_UNITS = re.compile(f"{_CHARACTER}|{_NUMBER}|{_WORD}|[^\\w\\s]")
_PIECES = re.compile(f"{_CHARACTER}|{_NUMBER}|{_WORD}|\\S")
_WORDS = re.compile(f"{_CHARACTER}|{_WORD}")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")


def comparable(text: str) -> str:
    """NFKC, case folded, one kind of minus."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2212", "-")


def units(text: str) -> list[str]:
    """Characters, words, whole numbers and symbols ("+", "℃", an emoji), in order; punctuation is left out.

    A number keeps what belongs to it (-3.5, 40%) and loses the commas between its thousands.  A text of punctuation
    alone is its own characters, so that "?!" equals itself and not the empty text.
    """
    plain = _THOUSANDS.sub("", comparable(text))
    found = [unit for unit in _UNITS.findall(plain) if len(unit) > 1 or _counts(unit)]
    return found or [character for character in plain if not character.isspace()]


def pieces(text: str) -> list[str]:
    """Everything but white space: characters, words, numbers, and each punctuation mark."""
    return _PIECES.findall(comparable(text))


def words(text: str) -> list[str]:
    """Characters and runs of letters and digits only: on English, the tokens of the `rouge-score` package."""
    return _WORDS.findall(comparable(text))


def _counts(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LMN" or category in ("Sm", "Sc", "So")
