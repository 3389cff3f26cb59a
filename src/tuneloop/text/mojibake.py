"""Text that was read in the wrong encoding: mended where the bytes are still there, flagged where they are gone.

    â€œqueueâ€\x9d   UTF-8 read as a European encoding      mended by ftfy
    瀹㈡湇鐢佃瘽     UTF-8 read as GBK                      mended here: the way back must be valid UTF-8 to the end
    ÄãºÃ           GBK read as Latin-1                    mended here: runs whose GBK reading is everyday Chinese
    锟斤拷  烫烫烫  �   bytes lost for good                    `is_lost` (also the second kind, when it can't be mended)

ftfy is used for encodings alone; its other repairs turn “你好”，ＡＢＣ into "你好",ABC.  It reads about 1 MB/s, so it
only gets text with a character that mojibake of that kind must contain.

Not covered: Big5 and Shift-JIS mojibake; text of which only a part went through the wrong encoding, for the GBK kinds.
"""

from __future__ import annotations

import re

from tuneloop.text.everyday import share

# UTF-8's first bytes of two to four, as each European code page shows them: letters with marks, Cyrillic, Greek, boxes.
_EUROPEAN = re.compile("[\x80-\u024f\u02c6\u02dc\u0370-\u052f\u0590-\u06ff\u2500-\u259f√‚„]")
_LATIN_RUN = re.compile("[\xa1-\xff]{4,}")
_LOST = re.compile("\ufffd|锟斤拷|烫烫烫|屯屯屯")
_FIRST_BYTES = re.compile(
    "["
    + "".join(bytes([first, second]).decode("gb18030") for first in range(0xE4, 0xEA) for second in range(0x80, 0xC0))
    + "]"
)
_PROBE = 400  # characters from the beginning that are looked at
_BELIEVED = 0.6  # share of everyday characters in a mended text


def concerns(text: str) -> bool:
    """May something here be mojibake? Quick, and right when it says no."""
    return not text.isascii() and (_EUROPEAN.search(text) is not None or _FIRST_BYTES.search(text) is not None)


def repair(text: str) -> str:
    """The text as it was meant, or unchanged."""
    if text.isascii():
        return text
    if (mended := _from_gbk(text)) is not None:
        return mended
    if _EUROPEAN.search(text):
        text = _LATIN_RUN.sub(_from_latin, text)
    if _EUROPEAN.search(text):
        import ftfy

        return ftfy.fix_encoding(text)
    return text


def is_lost(text: str) -> bool:
    """Does the text hold what is left of characters that cannot be brought back?"""
    return _LOST.search(text) is not None or (not text.isascii() and _as_gbk(text, 3))


def _as_gbk(text: str, least: int) -> bool:
    """UTF-8 read as GBK: a third of the characters begin with UTF-8's first two bytes; of natural ones 1 in 50 does."""
    probe = text[:_PROBE]
    found = len(_FIRST_BYTES.findall(probe))
    return found >= least and found >= sum(not sign.isascii() for sign in probe) // 5


def _from_gbk(text: str) -> str | None:
    if not _as_gbk(text, 1):
        return None
    for given in {text, text.replace("€", "\udc80")}:  # Windows reads the byte 0x80, which GBK lacks, as €
        try:
            mended = given.encode("gb18030", "surrogateescape").decode("utf-8")
        except UnicodeError:
            continue
        if share(mended) >= _BELIEVED:
            return mended
    return None


def _from_latin(run: re.Match[str]) -> str:
    raw = run[0].encode("latin-1")
    try:
        mended = raw.decode("gb18030")
    except UnicodeDecodeError:
        return run[0]
    return mended if share(mended) >= _BELIEVED else run[0]
