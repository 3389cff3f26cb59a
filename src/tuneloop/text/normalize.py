"""The same text written in one way, without changing what a reader sees.

    line_breaks  CRLF, CR, U+2028 and U+2029 become LF
    mojibake     text read in a wrong encoding (`text.mojibake`)
    control      C0 and C1 controls but tab and line break, interlinear marks, hidden tag characters, non-characters
    zero_width   zero-width spaces, soft hyphens, byte order marks, word joiners; joiners and direction marks only where
                 they do nothing (joiners matter in emoji, Arabic and Indian scripts)
    spaces       no-break and typographic spaces become plain ones
    composed     a letter and its combining marks become one character (NFC)

Chinese punctuation, full-width forms and the ideographic space stay as they are, and so do compatibility ideographs,
which NFC would replace by others (names are written with them).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from tuneloop.text import mojibake

_BREAKS = re.compile("\r\n?|[\u2028\u2029]")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\U000e0001]"
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+"  # but flags of regions are black flag + tags
)
_ZERO_WIDTH = re.compile("[\xad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff]")
_JOINERS = re.compile("[\u200c\u200d]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Joiners do something between letters of these: Arabic to Sinhala and on to Khmer, Mongolian, emoji and their signs.
_JOINABLE = "\u0590-\u109f\u1780-\u18af\u2190-\u2bff\ufe0f\ufb50-\ufdff\ufe70-\ufefc\U0001f000-\U0001faff"
_IDLE_JOINERS = re.compile(f"(?<![{_JOINABLE}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINABLE}])")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f]")
_COMPATIBILITY = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")
_ANY = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\ufdd0-\ufdef\ufeff\ufff9-\ufffc\ufffe\uffff\U000e0000-\U000e007f]"
)


_ESCAPED = re.compile(r"\\[rbfu]")


def normalize(text: str) -> tuple[str, dict[str, int]]:
    """The normal text, and how many places of each kind were changed (empty when nothing was)."""
    if text.isascii() and not _ANY.search(text):
        return text, {}
    edits: Counter[str] = Counter()
    for _ in range(3):  # what one repair uncovers, another may change: mojibake of a control character
        before = text
        text = _once(text, edits)
        if text == before:
            break
    return text, dict(edits)


def concerns(payload: str) -> bool:
    """May a text inside this JSON need normalizing? Control characters are escaped there."""
    return (
        _ESCAPED.search(payload) is not None
        or _ANY.search(payload) is not None
        or mojibake.concerns(payload)
        or not unicodedata.is_normalized("NFC", payload)
    )


def _once(text: str, edits: Counter[str]) -> str:
    # Mojibake comes first: its bytes include what later looks like controls and no-break spaces.
    mended = mojibake.repair(text)
    edits.update({"mojibake": 1} if mended != text else {})
    text = mended
    if _ANY.search(text):
        text = _replaced(_BREAKS, "\n", text, "line_breaks", edits)
        text = _replaced(_CONTROL, "", text, "control", edits)
        text = _replaced(_ZERO_WIDTH, "", text, "zero_width", edits)
        if not _RIGHT_TO_LEFT.search(text):
            text = _replaced(_DIRECTIONS, "", text, "zero_width", edits)
        if _JOINERS.search(text):
            text = _replaced(_IDLE_JOINERS, "", text, "zero_width", edits)
        text = _replaced(_SPACES, " ", text, "spaces", edits)
    if not unicodedata.is_normalized("NFC", text):
        pieces = _COMPATIBILITY.split(text)
        pieces[::2] = [unicodedata.normalize("NFC", piece) for piece in pieces[::2]]
        composed = "".join(pieces)
        edits.update({"composed": 1} if composed != text else {})
        text = composed
    return text


def _replaced(pattern: re.Pattern[str], by: str, text: str, kind: str, edits: Counter[str]) -> str:
    text, count = pattern.subn(by, text)
    if count:
        edits[kind] += count
    return text
