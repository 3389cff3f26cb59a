"""Old Office files (OLE compound files): the names of the streams inside, which tell what the file is.

Of the format ([MS-CFB]) only the directory is read: the chain of its sectors through the allocation table.  Streams
themselves are left to the readers.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from tuneloop.prepare.source_file import SourceFile

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_SECTORS = 4096
_END = 0xFFFFFFFA  # from here on numbers mean "none"


def stream_names(file: SourceFile) -> frozenset[str]:
    """Names of storages and streams; empty for a file that is no sound compound file."""
    head = file.head[:512]
    if len(head) < 512 or not head.startswith(MAGIC):
        return frozenset()
    shift, *_ = struct.unpack_from("<H", head, 30)
    if shift not in (9, 12):
        return frozenset()
    size = 1 << shift
    tables = [number for number in struct.unpack_from("<109I", head, 76) if number < _END]
    names: set[str] = set()
    with file.open() as stream:
        sector, *_ = struct.unpack_from("<I", head, 48)
        for _ in range(_MOST_SECTORS):
            if sector >= _END:
                break
            names.update(_names(_read(stream, sector, size)))
            sector = _next(stream, tables, sector, size)
    return frozenset(names)


def _read(stream: BinaryIO, sector: int, size: int) -> bytes:
    stream.seek((sector + 1) * size)
    return stream.read(size)


def _next(stream: BinaryIO, tables: list[int], sector: int, size: int) -> int:
    place, within = divmod(sector, size // 4)
    if place >= len(tables):
        return _END
    found = _read(stream, tables[place], size)[4 * within : 4 * within + 4]
    return int.from_bytes(found, "little") if len(found) == 4 else _END


def _names(sector: bytes) -> list[str]:
    """Directory entries are 128 bytes: a name in UTF-16 and, at 64, its length with the closing zero."""
    found = []
    for start in range(0, len(sector) - 127, 128):
        length = int.from_bytes(sector[start + 64 : start + 66], "little")
        if 2 <= length <= 64:
            found.append(sector[start : start + length - 2].decode("utf-16-le", "replace"))
    return found
