"""From bytes to text, and which encoding they were in.

A file is decided as a whole, never row by row: two Chinese characters in GB18030 are as good Big5 (a quarter of such
files is mistaken; from 8 characters on 3 in 1,000).  The order is: a byte order mark, UTF-16 told by its zero bytes,
UTF-8 when it is valid, and then the legacy encodings of East Asia, of which the one wins whose reading of the lines
that are no UTF-8 has the largest share of everyday characters.  Only when none reads well is charset-normalizer asked,
which knows the European ones.  Where other lines of the file are UTF-8, it is a `mixture` of both.

Not covered: UTF-7, EBCDIC and escape-switched ISO-2022.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable

from tuneloop.errors import InputError, Where
from tuneloop.text import mixture
from tuneloop.text.everyday import share
from tuneloop.text.mixture import LEGACY, SINGLE, WESTERN, beyond_ascii, score

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is how it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
EUROPEAN = [*SINGLE, "utf_16_le", "utf_16_be"]
SAMPLE_BYTES = 1 << 18

_ENOUGH = 0.5  # from here on a reading is believed; right ones have 0.8 to 1.5, wrong ones under 0.4
_FEW = 8  # characters, under which East Asian encodings are told apart only where one reads well and no other does


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
    except UnicodeDecodeError:
        return of_lines(data.splitlines)
    return "utf-8"


def of_lines(read: Callable[[], Iterable[bytes]]) -> str:
    """The codec of text that is not UTF-8 throughout; `read` gives its lines and is called twice."""
    other = _other(read())
    if other is None:
        return "utf-8"
    if other not in (*LEGACY, *SINGLE):
        return other
    found = mixture.count(read(), other, first=other)
    if not found["utf-8"]:
        return other
    if not found["other"]:
        return "utf-8"
    return f"utf-8+{other}" if found["utf-8"] >= found["other"] else f"{other}+utf-8"


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


def _other(lines: Iterable[bytes]) -> str | None:
    """The encoding of the lines that are no UTF-8; None where they are damaged UTF-8."""
    sample: list[bytes] = []
    size = whole = bad = 0
    for line in lines:
        if line.isascii():
            continue
        try:
            whole += beyond_ascii(line.decode("utf-8"))
        except UnicodeDecodeError:
            loose = line[:SAMPLE_BYTES].decode("utf-8", "replace")
            lost = loose.count("\ufffd")
            bad += lost
            whole += beyond_ascii(loose) - lost
            if not mixture.is_damaged_utf8(line[:SAMPLE_BYTES]):
                sample.append(line[: SAMPLE_BYTES - size])
                size += len(line)
                if size >= SAMPLE_BYTES:
                    break
    data = b"\n".join(sample)
    best, clear = _best(data)
    mostly_utf8 = whole > 10 * bad
    if not sample or (mostly_utf8 and not clear):
        return None
    return best if clear else _legacy(data)


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: it has zero bytes, and read from the right side it is everyday text."""
    if data.count(0) < 2:
        return None
    readings = {codec: data.decode(codec, "replace") for codec in ("utf-16-le", "utf-16-be")}
    shares = {codec: share(text) for codec, text in readings.items()}
    best = max(shares, key=lambda codec: shares[codec])
    return best if shares[best] > 0.5 else None


def _best(data: bytes) -> tuple[str, bool]:
    """The East Asian encoding that reads best, and whether it is believed beside a file of UTF-8."""
    readings = {codec: data.decode(codec, "replace") for codec in LEGACY}
    scores = {codec: score(text, codec) for codec, text in readings.items()}
    best = max(scores, key=lambda codec: scores[codec])  # the first of equals: GB18030
    if beyond_ascii(readings[best]) >= _FEW:
        return best, scores[best] >= _ENOUGH
    others = max(value for codec, value in scores.items() if codec != best)
    return best, scores[best] >= 2 * _ENOUGH and others < _ENOUGH


def _legacy(data: bytes) -> str:
    scores = {codec: score(data.decode(codec, "replace"), codec) for codec in LEGACY}
    best = max(scores, key=lambda codec: scores[codec])  # the first of equals: GB18030
    if scores[best] >= _ENOUGH:
        return best
    if all(sign.isascii() or sign in WESTERN for sign in data.decode("cp1252", "replace")):
        return "cp1252"
    import charset_normalizer

    match = charset_normalizer.from_bytes(data[: 1 << 15], cp_isolation=EUROPEAN).best()
    return match.encoding if match else best
