"""Bytes by content address: `sha256:` and the hash of the content, in hex.

A blob is written beside its place, flushed and renamed, so an address that exists is whole; the same content is kept
once.  Blobs are never changed.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO

from tuneloop.errors import NotFoundError, Where
from tuneloop.store.durable import flush, make_folder, publish, storage_errors, sweep, temporary_beside

SCHEME = "sha256:"
_CHUNK = 1 << 20


class Blobs:
    """The blobs under one local folder, in 256 subfolders by the first two hex digits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes | Path) -> str:
        """Keep bytes or a copy of a file; returns the address."""
        part = self.new_part()
        needed = len(content) if isinstance(content, bytes) else content.stat().st_size
        try:
            with storage_errors(self.folder, needed=needed), part.open("wb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, file, _CHUNK)
            return self.adopt(part)
        finally:
            part.unlink(missing_ok=True)

    def new_part(self, owner: str = "") -> Path:
        """A name for a file under way; give it to `adopt` when it is whole.  `owner` is the run that writes it."""
        with storage_errors(self.folder):
            make_folder(self.folder)
        return temporary_beside(self.folder / "blob", owner)

    def adopt(self, part: Path) -> str:
        """Make a finished part a blob: flushed, then renamed to its address."""
        with storage_errors(self.folder, needed=part.stat().st_size):
            with part.open("rb+") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                flush(file.fileno())
            place = self._place(digest)
            if place.exists():
                part.unlink()
            else:
                make_folder(place.parent)
                publish(part, place)
        return SCHEME + digest

    def has(self, address: str) -> bool:
        return self._place(self._digest(address)).is_file()

    def path(self, address: str) -> Path:
        """The blob's file, to be read only; `NotFoundError` when it is not there."""
        place = self._place(self._digest(address))
        if not place.is_file():
            raise NotFoundError(
                f"the blob {address} is missing",
                where=Where(file=place),
                do="Restore the workspace's blobs folder from a copy",
            )
        return place

    def open(self, address: str) -> BinaryIO:
        return self.path(address).open("rb")

    def get(self, address: str) -> bytes:
        return self.path(address).read_bytes()

    def remove(self, address: str) -> None:
        """Remove a blob; the caller knows that no row names it.  One that is not there is no error."""
        place = self._place(self._digest(address))
        with storage_errors(place):
            place.unlink(missing_ok=True)

    def sweep(self, owner: str = "") -> int:
        """Remove the parts of a run whose process is gone, and any that are a day old; returns how many."""
        return sweep(self.folder, owner)

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def _digest(self, address: str) -> str:
        digest = address.removeprefix(SCHEME)
        if digest == address or len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError(f"{address!r} is not a blob's address (sha256: and 64 hex digits)")
        return digest
