"""One compressed file: gzip, bzip2, xz or zstd."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from tuneloop.prepare.container import Budget, Container, Entry, Refused, unpack
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_ENDINGS = {".gz": "", ".bz2": "", ".xz": "", ".zst": "", ".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}


class Compressed(Container):
    """The one file inside, named without the last ending."""

    title = Words("Compressed file", "压缩文件")
    help = Words("A single file packed with gzip, bzip2, xz or zstd.", "用 gzip、bzip2、xz 或 zstd 压缩的单个文件。")

    def recognize(self, file: SourceFile) -> bool:
        return _method(file) is not None

    def entries(self, file: SourceFile, budget: Budget) -> Iterator[Entry]:
        inner = _inner_name(file.name)
        with file.open() as packed:
            try:
                made = unpack(inner, _decompressing(packed, _method(file) or ""), file.size, budget)
            except (EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
                yield Refused(file.name, "damaged", f"cannot be unpacked ({error}). Copy it again: it seems damaged.")
                return
        if isinstance(made, Refused):
            yield made
            return
        unpacked, temporary = made
        with temporary:
            yield unpacked


def _method(file: SourceFile) -> str | None:
    return next((name for magic, name in _MAGIC.items() if file.head.startswith(magic)), None)


def _decompressing(packed: BinaryIO, method: str) -> BinaryIO:
    if method == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=packed))
    if method == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(packed))
    if method == "xz":
        return cast(BinaryIO, lzma.LZMAFile(packed))
    import pyarrow as pa

    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(packed), "zstd"))


def _inner_name(name: str) -> str:
    for ending, instead in _ENDINGS.items():
        if name.lower().endswith(ending):
            return name[: -len(ending)] + instead
    return name
