"""Bytes by content address: whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from tests.kill_points import each_write, forked, forks

from tuneloop.errors import NotFoundError, StorageError
from tuneloop.store.blobs import Blobs
from tuneloop.store.durable import STALE_SECONDS, publish_once, storage_error, temporary_beside, write_file


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def test_what_is_put_comes_back_by_its_hash(blobs: Blobs, tmp_path: Path) -> None:
    address = blobs.put("猫叫豆豆".encode())
    assert address == "sha256:" + hashlib.sha256("猫叫豆豆".encode()).hexdigest()
    assert blobs.get(address).decode() == "猫叫豆豆"
    assert blobs.has(address)
    (tmp_path / "copy").write_bytes("猫叫豆豆".encode())
    assert blobs.put(tmp_path / "copy") == address
    with blobs.open(address) as file:
        assert file.read(3).decode() == "猫"
    assert len([file for file in blobs.folder.rglob("*") if file.is_file()]) == 1


def test_a_missing_blob_is_a_sentence_and_a_wrong_address_a_bug(blobs: Blobs) -> None:
    missing = "sha256:" + "0" * 64
    assert not blobs.has(missing)
    with pytest.raises(NotFoundError, match="is missing"):
        blobs.get(missing)
    for wrong in ("0" * 64, "sha256:" + "0" * 63, "sha256:../../etc/passwd", "md5:" + "0" * 64):
        with pytest.raises(ValueError, match="not a blob's address"):
            blobs.has(wrong)


@forks
def test_a_blob_killed_at_any_write_is_whole_or_absent(blobs: Blobs) -> None:
    content = os.urandom(100_000)

    def check(count: int, done: bool) -> None:
        whole = [file for file in blobs.folder.glob("??/*") if file.is_file()]
        assert all(hashlib.sha256(file.read_bytes()).hexdigest() == file.name for file in whole)
        assert len(whole) == 1 or not done

    assert each_write(lambda _: [blobs.put(content)][0] and None, check) >= 4


@forks
def test_a_disk_that_fills_up_is_a_sentence_and_leaves_nothing(blobs: Blobs) -> None:
    blobs.put(b"small")

    def fill() -> None:
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with pytest.raises(StorageError) as caught:
            blobs.put(b"x" * 1_000_000)
        assert "the disk is full" in str(caught.value)
        assert "1.0 MB more" in str(caught.value)
        assert "nothing was half-written" in str(caught.value)

    assert forked(fill) == 0
    assert [file.name[:5] for file in blobs.folder.rglob("*") if file.is_file()] == [
        hashlib.sha256(b"small").hexdigest()[:5]
    ]


@pytest.mark.parametrize(("number", "says"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")])
def test_an_error_at_the_flush_is_a_sentence(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=says):
        blobs.put(b"x")
    with pytest.raises(StorageError, match=says):
        write_file(tmp_path / "file", b"x")
    monkeypatch.undo()
    assert not (tmp_path / "file").exists()
    assert list(blobs.folder.rglob("*/*")) == []


def test_only_parts_of_dead_writers_are_swept(blobs: Blobs) -> None:
    blobs.put(b"x")
    names = {"old": blobs.new_part(), "young": blobs.new_part(), "own": blobs.new_part("run-1")}
    names["other"] = blobs.new_part("run-11")
    for part in names.values():
        part.write_bytes(b"partial")
    before = names["old"].stat().st_mtime - STALE_SECONDS - 60
    os.utime(names["old"], (before, before))
    assert blobs.sweep(owner="run-1") == 2
    assert {name for name, part in names.items() if part.exists()} == {"young", "other"}
    assert blobs.has("sha256:" + hashlib.sha256(b"x").hexdigest())


def test_a_name_is_given_once_also_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    for supported in (True, False):
        if not supported:
            monkeypatch.setattr(os, "link", refuse)
        place = tmp_path / str(supported)
        for content in ("first", "second"):
            part = temporary_beside(place)
            part.write_text(content)
            assert publish_once(part, place) == (content == "first")
            assert not part.exists()
        assert place.read_text() == "first"


def test_a_file_held_open_by_another_program_is_a_sentence(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "The process cannot access the file", "weights.bin")
    error.winerror = 32  # type: ignore[attr-defined,unused-ignore]  (Windows: sharing violation)
    assert "another program holds this file open" in str(storage_error(error, tmp_path))
    assert "weights.bin" in str(storage_error(error, tmp_path))


def test_sweeping_where_nothing_is_does_nothing(blobs: Blobs) -> None:
    assert blobs.sweep() == 0
