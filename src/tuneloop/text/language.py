"""Which language a text is in: a two-letter code, or `und` when there is nothing to tell it by.

Scripts are counted first: they decide Chinese, Japanese, Korean, Russian, Arabic, Thai and the like at the speed of a
character scan.  Only text in Latin letters goes on: to a count of English function words, and where that is unsure to
py3langid, restricted to the common languages of that script; unrestricted it calls 146 of 3,579 Chinese sentences Wu.

Not covered: a mixed text gets the language of most of its content; Chinese is one language whether its characters are
traditional or simplified; Japanese without any kana reads as Chinese; Cyrillic is called Russian, Arabic script Arabic.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNDETERMINED = "und"
LATIN = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "pl", "cs", "tr", "vi", "id")

# First and last code point; tables are per block of 16, so ends are rounded to those.
_SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "han": ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),
    "kana": ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF70, 0xFF9F)),
    "latin": ((0x40, 0x7F), (0xC0, 0x24F), (0x1E00, 0x1EFF), (0xFF20, 0xFF5F)),
    "ko": ((0x1100, 0x11FF), (0xAC00, 0xD7AF)),
    "ru": ((0x400, 0x52F),),
    "ar": ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
    "el": ((0x370, 0x3FF),),
    "he": ((0x590, 0x5FF),),
    "th": ((0xE00, 0xE7F),),
    "hi": ((0x900, 0x97F),),
}
_NAMES = tuple(_SCRIPTS)
KNOWN = frozenset(("zh", "ja", *LATIN, *(name for name in _NAMES if len(name) == 2)))
"""All codes that `detect` can give but `und`."""

# One Chinese character says about as much as three letters: `用 Python 写 quicksort` is Chinese.
_HAN_WEIGHT = 3
_NAMES_AT_MOST = 3  # Latin letters, as a multiple of what Chinese says, that can be names: `iPhone 15 Pro Max 多少钱`
_SAMPLE = 6_000  # characters looked at; the head, the middle and the tail of longer texts
_LATIN_SAMPLE = 1_200
_FEW_LETTERS = 12  # below this py3langid guesses: `OK` is not Dutch

_WORD = re.compile(r"[a-z']+")
_ENGLISH = frozenset(
    _WORD.findall(
        "the of and to a in is you that it for was on are as with his they i at be this have from or one had by not"
        " but what all were we when your can there an which their if will how do my me so would about please"
    )
)


def detect(text: str) -> str:
    """`zh`, `en`, `ja`, … of the text, or `und` for one without letters."""
    if len(text) > _SAMPLE:
        third, middle = _SAMPLE // 3, len(text) // 2
        text = text[:third] + text[middle : middle + third] + text[-third:]
    if text.isascii():
        return _latin(text)
    counts = scripts(text)
    weights = counts | {"han": (counts["han"] + counts["kana"]) * _HAN_WEIGHT, "kana": 0, "ko": counts["ko"] * 2}
    script = max(weights, key=lambda name: weights[name])
    if not weights[script]:
        return UNDETERMINED
    if script == "han":
        return _east(counts)
    if script != "latin":
        return script
    few = weights["latin"] < _NAMES_AT_MOST * weights["han"]
    return _east(counts) if few and not _ENGLISH.intersection(_WORD.findall(text.lower())) else _latin(text)


def _east(counts: dict[str, int]) -> str:
    return "ja" if counts["kana"] * 6 > counts["han"] + counts["kana"] else "zh"


def scripts(text: str) -> dict[str, int]:
    """How many characters of each script the text has: han, kana, latin and the codes of one-script languages."""
    import numpy as np

    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    counts = np.bincount(_table()[points >> 4], minlength=len(_NAMES) + 1)
    return {name: int(count) for name, count in zip(_NAMES, counts[1:], strict=True)}


@cache
def _table() -> NDArray[np.uint8]:
    """For each block of 16 code points, 1 + the place of its script in `_NAMES`, or 0."""
    import numpy as np

    table = np.zeros(0x110000 >> 4, dtype=np.uint8)
    for place, ranges in enumerate(_SCRIPTS.values(), start=1):
        for first, last in ranges:
            table[first >> 4 : (last >> 4) + 1] = place
    return table


def _latin(text: str) -> str:
    words = _WORD.findall(text[:_LATIN_SAMPLE].lower())
    letters = sum(map(len, words))
    if not letters:
        return UNDETERMINED
    common = sum(word in _ENGLISH for word in words)
    if text.isascii() and (letters < _FEW_LETTERS or (len(words) >= 4 and common * 4 >= len(words))):
        return "en"
    language, _ = _identifier().classify(text[:_LATIN_SAMPLE])
    return str(language)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LATIN)
    return identifier
