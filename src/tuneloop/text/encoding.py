"""From bytes to text, and which encoding they were in.

A file is decided as a whole, never row by row: two Chinese characters in GB18030 are as good Big5 (a quarter of such
files is mistaken; from 8 characters on 3 in 1,000).  The order is: a byte order mark, UTF-16 told by its zero bytes,
UTF-8 when it is valid, and then the legacy encodings of East Asia, of which the one wins whose reading has the largest
share of everyday characters.  Only when none reads well is charset-normalizer asked, which knows the European ones.

Not covered: UTF-7, EBCDIC, escape-switched ISO-2022 and files in two encodings at once.
"""

from __future__ import annotations

import codecs
from collections import Counter

from tuneloop.errors import InputError, Where
from tuneloop.text.everyday import EVERYDAY, share

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is how it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Codec and the first bytes of its everyday characters: level 1 of each standard, with kana and punctuation.
LEGACY = {
    "gb18030": range(0xB0, 0xD8),
    "big5hkscs": range(0xA4, 0xC7),
    "cp932": range(0x82, 0x98),
    "euc_jp": range(0xA4, 0xD0),
    "cp949": range(0xB0, 0xC9),
}
EUROPEAN = ["cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "utf_16_le", "utf_16_be"]
SAMPLE_BYTES = 1 << 18

_WESTERN = frozenset("àâäáãåæçéèêëíìîïñóòôöõøœúùûüýÿßÀÂÄÁÃÅÆÇÉÈÊËÍÎÏÑÓÔÖÕØŒÚÛÜ«»‘’“”–—…€£©®°¿¡·\xa0")
_ENOUGH = 0.5  # from here on a reading is believed; right ones have 0.8 to 1.5, wrong ones under 0.4


def detect(data: bytes) -> str:
    """The codec name (`utf-8`, `utf-8-sig`, `utf-16-le`, `gb18030`, …) that reads the bytes best; never fails.

    A few damaged bytes do not change the answer; `decode` is what refuses them.
    """
    for mark, codec in MARKS:
        if data.startswith(mark):
            return codec
    if wide := _wide(data[:SAMPLE_BYTES]):
        return wide
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        sample = _sample(data, error.start)
        return "utf-8" if _mostly_utf8(sample) else _legacy(sample)
    return "utf-8"


def decode(data: bytes, codec: str | None = None) -> tuple[str, str]:
    """The text and its codec; bytes that the codec cannot hold raise `InputError` with their line and offset."""
    codec = codec or detect(data)
    try:
        return data.decode(codec), codec
    except UnicodeDecodeError as error:
        found = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.end])
        raise InputError(
            f"found {found} at byte {error.start}",
            expected=f"text in {codec}, which the rest of the file is in",
            where=Where(line=error.object.count(b"\n", 0, error.start) + 1),
            do="Save the file as UTF-8, or name its encoding",
        ) from None


def _sample(data: bytes, first: int) -> bytes:
    """Lines from around the first byte that is not UTF-8: long files begin with ASCII or with one clean record."""
    start = data.rfind(b"\n", 0, max(0, first - SAMPLE_BYTES // 2)) + 1
    piece = data[start : start + SAMPLE_BYTES]
    if len(data) > start + SAMPLE_BYTES and (end := piece.rfind(b"\n")) > 0:
        piece = piece[:end]
    lines = [line for line in piece.split(b"\n") if not line.isascii()]
    return b"\n".join(lines)


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: it has zero bytes, and read from the right side it is everyday text."""
    if data.count(0) < 2:
        return None
    readings = {codec: data.decode(codec, "replace") for codec in ("utf-16-le", "utf-16-be")}
    shares = {codec: share(text) for codec, text in readings.items()}
    best = max(shares, key=lambda codec: shares[codec])
    return best if shares[best] > 0.5 else None


def _mostly_utf8(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(not sign.isascii() for sign in text) - bad > 10 * bad


def _legacy(data: bytes) -> str:
    scores = {codec: _score(data.decode(codec, "replace"), codec) for codec in LEGACY}
    best = max(scores, key=lambda codec: scores[codec])  # the first of equals: GB18030
    if scores[best] >= _ENOUGH:
        return best
    if all(sign.isascii() or sign in _WESTERN for sign in data.decode("cp1252", "replace")):
        return "cp1252"
    import charset_normalizer

    match = charset_normalizer.from_bytes(data[: 1 << 15], cp_isolation=EUROPEAN).best()
    return match.encoding if match else best


def _score(text: str, codec: str) -> float:
    """Among the characters beyond ASCII: share of everyday ones + half of level-1 ones - twice the unreadable."""
    foreign = Counter(sign for sign in text if not sign.isascii())
    common = sum(count for sign, count in foreign.items() if sign in EVERYDAY)
    first = LEGACY[codec]
    level1 = sum(count for sign, count in foreign.items() if sign.encode(codec, "replace")[0] in first)
    return (common + level1 / 2 - 2 * foreign["\ufffd"]) / max(foreign.total(), 1)
