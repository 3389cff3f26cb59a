"""Blobs in an object store (`s3://…`, or any other place that fsspec knows), with the local folder as their cache.

An address is given out only after its upload; what is fetched is checked against its hash.  Checkpoints and models
stay local.  The driver of the store (`s3fs`, `gcsfs`, …) is the user's to install.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tuneloop.errors import StorageError, Where, missing_package
from tuneloop.store.blobs import Blobs

VARIABLE = "TUNELOOP_BLOBS_URL"


class RemoteBlobs(Blobs):
    def __init__(self, folder: Path, url: str) -> None:
        import fsspec

        super().__init__(folder)
        self.url = url.rstrip("/")
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise missing_package(f"The object store {self.url}", error.name or "its fsspec driver") from error
        except ValueError as error:
            raise StorageError(f"the address {url!r} is not known ({error})", do=f"Correct {VARIABLE}") from error

    def adopt(self, part: Path) -> str:
        address = super().adopt(part)
        self._upload(address)
        return address

    def has(self, address: str) -> bool:
        return super().has(address) or self._size(address) is not None

    def path(self, address: str) -> Path:
        if not super().has(address) and self._size(address) is not None:
            self._download(address)
        return super().path(address)

    def remove(self, address: str) -> None:
        super().remove(address)
        if self._size(address) is not None:
            with self._sentences():
                self._files.rm_file(self._place_there(address))

    def _upload(self, address: str) -> None:
        local = super().path(address)
        if self._size(address) == local.stat().st_size:
            return
        with self._sentences():
            self._files.makedirs(self._place_there(address).rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(local), self._place_there(address))
        if self._size(address) != local.stat().st_size:  # an upload that broke off; the next try replaces it
            raise StorageError("the upload of a blob is not complete", where=Where(file=self.url), do="Try again")

    def _download(self, address: str) -> None:
        part = self.new_part()
        try:
            with self._sentences():
                self._files.get_file(self._place_there(address), str(part))
            if (found := super().adopt(part)) != address:
                super().path(found).unlink()
                raise StorageError(
                    f"the blob {address} is damaged there", where=Where(file=self.url), do="Restore it from a copy"
                )
        finally:
            part.unlink(missing_ok=True)

    def _size(self, address: str) -> int | None:
        with self._sentences():
            try:
                told: dict[str, Any] = self._files.info(self._place_there(address))
            except FileNotFoundError:
                return None
        return int(told["size"])

    def _place_there(self, address: str) -> str:
        return f"{self._root}/{self._place(self._digest(address)).relative_to(self.folder).as_posix()}"

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"the object store refused ({error})",
                where=Where(file=self.url),
                do="Check the network and the store's credentials, then run the command again",
            ) from error
