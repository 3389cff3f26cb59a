"""Excerpts without personal data, and the secret that pseudonyms are made with."""

from __future__ import annotations

import secrets
from functools import cache

from tuneloop.store import Workspace
from tuneloop.store.settings import get_setting, set_setting
from tuneloop.text import language
from tuneloop.text.personal import Finder
from tuneloop.text.personal.kind import kinds
from tuneloop.wording import Language

SALT = "prepare.salt"


@cache
def _finder() -> Finder:
    return Finder()


def hide(text: str) -> str:
    """The text with a word in the place of each piece of personal data: reports and fates are not encrypted."""
    spans = _finder().find(text)
    if not spans:
        return text
    tongue: Language = "zh" if language.detect(text) == "zh" else "en"
    pieces, end = [], 0
    for span in spans:
        pieces += [text[end : span.start], f"[{kinds.load(span.kind).label.to(tongue)}]"]
        end = span.end
    return "".join([*pieces, text[end:]])


def salt(ws: Workspace, keep: bool) -> bytes:
    """A secret of the workspace for those that have no key; made once."""
    found = get_setting(ws, SALT)
    if found is None:
        found = secrets.token_hex(16)
        if keep:
            set_setting(ws, SALT, found)
    return bytes.fromhex(found)
