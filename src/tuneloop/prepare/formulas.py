"""Texts that a spreadsheet would run as a formula, made harmless, and read as they were.

A cell that begins with = + - @ or a control character is a formula to Excel, LibreOffice and others, also with the
full-width forms; an apostrophe in front makes it a text (OWASP, "CSV Injection").  One more goes before a text that
begins with apostrophes and such a sign, so that taking one off always gives the text back.
"""

from __future__ import annotations

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")

_BEGINS = re.compile(f"'*[{re.escape(''.join(FORMULA))}]")
_NUMBER = re.compile(r"[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?%?")


def defused(text: str) -> str:
    return f"'{text}" if _BEGINS.match(text) else text


def armed(text: str) -> str:
    """The text that `defused` was given."""
    return text[1:] if text.startswith("'") and _BEGINS.match(text) else text


def is_formula(text: str) -> bool:
    """Would a spreadsheet run it?  Numbers with a sign are none."""
    return text.startswith(FORMULA) and not _NUMBER.fullmatch(text)
