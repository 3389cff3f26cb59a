"""The text of a file: its encoding found once for the whole file, then decoded as it is read.

One row is too short to tell GB18030 from Big5, so a file is looked at as a whole: bytes that are valid UTF-8 to the
end are UTF-8; else the lines that are not are put before `tuneloop.text.encoding`.  Where some lines are UTF-8 and some
in another encoding, each is read in its own (`tuneloop.text.mixture`).  A mostly valid UTF-8 file with a few damaged
bytes stays UTF-8: the damaged bytes become lone surrogates, which the row readers refuse, line by line.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from tuneloop.prepare.source_file import SourceFile
from tuneloop.text import encoding as text_encoding
from tuneloop.text import mixture

CHUNK_BYTES = 1 << 20
KEEP_BYTES = "tuneloop.keep_bytes"
_MARKS = tuple(mark for mark, _ in text_encoding.MARKS)


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Undecodable bytes become lone surrogates in any codec (`surrogateescape` gives up on bytes under 0x80)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(KEEP_BYTES, _keep_bytes)


def encoding_of(file: SourceFile) -> str:
    """The codec's name, in bounded memory; reads the file once if it is UTF-8, and again to its end if it is not.

    What is no UTF-8 throughout is in the `charset` that came with it, where one did.
    """
    first = text_encoding.detect(file.head) if file.head.startswith(_MARKS) or b"\0" in file.head else ""
    if first.startswith(("utf-16", "utf-32")):
        return first
    first = "utf-8-sig" if first == "utf-8-sig" else "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                break
        else:  # a sequence cut off by the end of the file damages the last line only
            return first
    if file.charset:
        return file.charset
    found = text_encoding.of_lines(lambda: byte_lines(file))
    return first if found == "utf-8" else found


def byte_lines(file: SourceFile) -> Iterator[bytes]:
    """The lines of a file before they are decoded, from its start; very long ones in pieces."""
    with file.open() as stream:
        while line := stream.readline(mixture.LONGEST):
            yield from line.splitlines() if b"\r" in line else (line,)


def mixed_lines(file: SourceFile, encoding: str | None) -> dict[str, int] | None:
    """How many lines beyond ASCII are in each of the two encodings of a mixture; None for one encoding.  One pass."""
    two = mixture.parts(encoding or "")
    if two is None:
        return None
    other = next(codec for codec in two if codec != mixture.UTF8)
    found = mixture.count(byte_lines(file), other, first=two[0])
    return {codec: found["utf-8" if codec == mixture.UTF8 else "other"] for codec in two}


def not_of(byte: str, encoding: str | None) -> str:
    """The sentence for a damaged byte."""
    two = mixture.parts(encoding or "")
    known = f"neither {two[0].upper()} nor {two[1].upper()}" if two else f"not {(encoding or 'UTF-8').upper()}"
    return f"found the byte {byte}, which is {known}. Save the file in one encoding, best UTF-8."


@contextmanager
def open_text(file: SourceFile, encoding: str | None = None) -> Iterator[io.TextIOWrapper]:
    """The decoded text; lines end at `\\n` (at `\\r` in a file of old Macs that has no other), never at U+2028."""
    codec = encoding or encoding_of(file)
    with file.open() as raw:
        buffered = io.BufferedReader(_Borrowed(raw), 1 << 16)
        yield io.TextIOWrapper(buffered, codec, KEEP_BYTES, newline=_line_end(file))


def _line_end(file: SourceFile) -> str:
    return "\r" if b"\r" in file.head and b"\n" not in file.head else "\n"


class _Borrowed(io.RawIOBase):
    """A stream that stays open when its reader is closed: temporary files are read more than once."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        found = self._raw.read(len(target))
        target[: len(found)] = found
        return len(found)


def damaged(text: str) -> str | None:
    """The first byte kept by `open_text` because the encoding could not hold it, as `0xff`; None for sound text."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"0x{ord(text[error.start]) & 0xFF:02x}"
    return None
