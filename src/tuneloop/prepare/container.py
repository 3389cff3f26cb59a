"""The contract of a container: a file or folder that holds files.

A container yields its entries one after the other, unpacked into a temporary file that lives until the next one is
asked for.  Nothing is ever written to a path that an archive names.  What must not or cannot be unpacked is a `Refused`
with a sentence; what is left out on purpose a `Skipped`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from tuneloop.config import Settings, setting
from tuneloop.prepare.source_file import SourceFile
from tuneloop.registry import Member, Registry
from tuneloop.wording import Words

IN_MEMORY = 8 * 1024 * 1024
"""Bytes of an unpacked entry up to which no temporary file is made."""

BLOCK = 1 << 20
FREE_BYTES = 64 * 1024 * 1024
"""Unpacked bytes up to which the ratio is not looked at: small files of repeats are innocent."""


class Limits(Settings):
    """How much an archive may unpack to before it is taken for a bomb."""

    max_bytes: int = setting(
        64 * 1024**3, en="unpacked bytes of one input, at most", zh="一个输入最多解压出多少字节", gt=0
    )
    max_ratio: int = setting(
        400,
        en="unpacked bytes per packed byte, at most (looked at from 64 MiB on)",
        zh="解压比上限（解压超过 64 MiB 后才检查）",
        gt=1,
    )
    max_entries: int = setting(100_000, en="files in one archive, at most", zh="一个压缩包最多包含的文件数", gt=0)
    max_depth: int = setting(4, en="archives inside archives, at most", zh="压缩包最多嵌套层数", ge=1)


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was there and could not be used; counts as one rejected item."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out on purpose; it is named in the report and is no item."""

    name: str
    why: Words


Entry = SourceFile | Refused | Skipped


class Budget:
    """Counts what one input has unpacked so far, archives inside archives included."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.unpacked, self.entries = limits, 0, 0

    def take_entry(self, name: str) -> Refused | None:
        self.entries += 1
        if self.entries <= self.limits.max_entries:
            return None
        message = f"holds more than {self.limits.max_entries:,} files; the rest is not read. Pack fewer, larger files."
        return Refused(name, "too_many_files", message)

    def excess(self, count: int, packed: int, own: int) -> str:
        """Count `count` more bytes of an entry that has `own` of them from `packed`; a sentence when it is too much."""
        self.unpacked += count
        if self.unpacked > self.limits.max_bytes:
            return (
                f"unpacks to more than {self.limits.max_bytes:,} bytes and is not read. If it is honest, raise "
                "archives.max_bytes in the recipe."
            )
        if own > FREE_BYTES and own > self.limits.max_ratio * max(packed, 1):
            return (
                f"unpacks to more than {self.limits.max_ratio} times its size, as archives made to fill disks do, and "
                "is not read. If it is honest, unpack it yourself, or raise archives.max_ratio in the recipe."
            )
        return ""


class Container(Member):
    def recognize(self, file: SourceFile) -> bool:
        """Is the file such a container?  By its bytes, never by its name."""
        raise NotImplementedError

    def entries(self, file: SourceFile, budget: Budget) -> Iterator[Entry]:
        """The files in it, in a fixed order; a temporary one is closed when the next is asked for."""
        raise NotImplementedError


containers = Registry("tuneloop.prepare.containers", Container)


def unpack(name: str, stream: BinaryIO, packed: int, budget: Budget) -> tuple[SourceFile, BinaryIO] | Refused:
    """Copy a decompressing stream into a temporary file, counting; the caller closes the second result."""
    temporary: BinaryIO = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # type: ignore[assignment]  # noqa: SIM115
    own = 0
    try:
        while block := stream.read(BLOCK):
            own += len(block)
            if message := budget.excess(len(block), packed, own):
                temporary.close()
                return Refused(name, "bomb", message)
            temporary.write(block)
    except BaseException:
        temporary.close()
        raise
    return SourceFile(name, data=temporary), temporary


def climbs(path: str) -> bool:
    """Does a path in an archive lead out of the folder that it would be unpacked in?"""
    plain = path.replace("\\", "/")
    return plain.startswith("/") or plain[1:3] == ":/" or ".." in PurePosixPath(plain).parts


def climbing(name: str) -> Refused:
    message = "its path leads out of the archive; such entries are never read. Pack the archive again without '..'."
    return Refused(name, "climbs_out", message)


def linking(name: str) -> Refused:
    message = "is a link and no file; links in archives are never followed. Pack the file itself."
    return Refused(name, "link", message)


HIDDEN = Words("hidden file", "隐藏文件")


def is_hidden(path: str) -> bool:
    """Files of the system and of version control: a part of the path begins with a dot, or `__MACOSX`."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(path).parts)


ABOUT = Words("describes the data and is none itself", "是数据的说明文件，不是数据")
_ABOUT_NAMES = ("readme", "license", "licence", "notice", "changelog", "copying")


def is_about(path: str) -> bool:
    """`README.md`, `LICENSE` and their like, which lie beside data."""
    name = PurePosixPath(path).name.lower()
    return name.split(".")[0] in _ABOUT_NAMES or name in ("dataset_infos.json", "dataset_info.json")
