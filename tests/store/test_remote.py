"""Blobs in an object store, here one in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tuneloop.errors import MissingPackageError, NotFoundError, StorageError
from tuneloop.store import Workspace
from tuneloop.store.remote import VARIABLE, RemoteBlobs

URL = "memory://bucket/team"


@pytest.fixture
def there() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def test_what_one_machine_puts_another_one_gets(there: Any, tmp_path: Path) -> None:
    one, other = RemoteBlobs(tmp_path / "one", URL), RemoteBlobs(tmp_path / "other", URL)
    address = one.put("豆豆".encode())
    assert other.has(address)
    assert other.get(address).decode() == "豆豆"
    shutil.rmtree(tmp_path / "one")
    assert one.get(address).decode() == "豆豆"
    with pytest.raises(NotFoundError, match="is missing"):
        one.get("sha256:" + "0" * 64)


def test_ledgers_go_there_too(there: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, URL)
    ws = Workspace.find(tmp_path / "w")
    with ws.ledgers.writer("members") as writer:
        writer.write([{"record": "r1:a", "split": "train", "weight": 1.0}])
        address = writer.commit()
    shutil.rmtree(ws.folder / "blobs")
    assert ws.ledgers.holds(address, "record", "r1:a")


def test_a_broken_upload_is_repaired_and_a_damaged_blob_refused(there: Any, tmp_path: Path) -> None:
    blobs = RemoteBlobs(tmp_path / "one", URL)
    address = blobs.put(b"content")
    (place,) = [name for name in there.find("/bucket") if len(name) > 64]
    there.pipe_file(place, b"cont")
    assert blobs.put(b"content") == address
    assert there.cat_file(place) == b"content"
    there.pipe_file(place, b"CONTENT")
    other = RemoteBlobs(tmp_path / "other", URL)
    with pytest.raises(StorageError, match="damaged there"):
        other.get(address)
    assert [file for file in (tmp_path / "other").rglob("*") if file.is_file()] == []


def test_a_store_that_refuses_and_one_without_a_driver_are_sentences(
    there: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = RemoteBlobs(tmp_path / "one", URL)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("no such key")

    monkeypatch.setattr(type(there), "put_file", refuse)
    with pytest.raises(StorageError, match=r"refused \(no such key\)"):
        blobs.put(b"content")
    with pytest.raises(StorageError, match="is not known"):
        RemoteBlobs(tmp_path / "one", "nowhere://bucket")
    from fsspec.registry import known_implementations

    monkeypatch.setitem(known_implementations, "absent", {"class": "absent_driver.Files", "err": "x"})
    with pytest.raises(MissingPackageError, match="pip install"):
        RemoteBlobs(tmp_path / "one", "absent://bucket")
