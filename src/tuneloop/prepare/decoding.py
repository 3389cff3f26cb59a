"""The text of a file: its encoding found once for the whole file, then decoded as it is read.

One row is too short to tell GB18030 from Big5, so a file is looked at as a whole: bytes that are valid UTF-8 to the
end are UTF-8; else lines that hold other than ASCII are put before `tuneloop.text.encoding`.  A mostly valid UTF-8
file with a few damaged bytes stays UTF-8: the damaged bytes become lone surrogates, which the row readers refuse,
line by line.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from tuneloop.prepare.source_file import SourceFile
from tuneloop.text import encoding as text_encoding

CHUNK_BYTES = 1 << 20
KEEP_BYTES = "tuneloop.keep_bytes"


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Undecodable bytes become lone surrogates in any codec (`surrogateescape` gives up on bytes under 0x80)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(KEEP_BYTES, _keep_bytes)


def encoding_of(file: SourceFile) -> str:
    """The codec's name; reads the file once, in bounded memory, unless its first bytes tell.

    What is no UTF-8 throughout is in the `charset` that came with it, where one did.
    """
    first = text_encoding.detect(file.head)
    if first == "utf-8-sig" or first.startswith(("utf-16", "utf-32")):
        return first
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                if file.charset:
                    return file.charset
                whole_lines = chunk[chunk.find(b"\n") + 1 :] if stream.tell() > len(chunk) else chunk
                return text_encoding.detect(whole_lines + stream.read(CHUNK_BYTES))
    return "utf-8"  # a sequence cut off by the end of the file damages the last line only


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
