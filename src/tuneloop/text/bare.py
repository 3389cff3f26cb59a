"""A text without what plays no part when two are compared for asking or saying the same."""

from __future__ import annotations

import re
import unicodedata

_NOISE = re.compile(r"(?!-\d)[^\w]|_")


def bare(text: str) -> str:
    """NFKC, case folded, without white space, punctuation and symbols; a minus before a digit stays.

    A text of nothing but those comes back without its white space: ？ and ！ differ.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2212", "-")
    return _NOISE.sub("", plain) or "".join(plain.split())
