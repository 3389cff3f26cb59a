"""Texts that a spreadsheet would run as a formula, made harmless.

A cell that begins with = + - @ or a control character is a formula to Excel, LibreOffice and others, also with the
full-width forms; an apostrophe in front makes it a text (OWASP, "CSV Injection").  Reading takes it away again only
where the reader knows of it.
"""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def defused(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
