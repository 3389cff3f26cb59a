"""Folders and archives: what is in them is read, what would harm is refused with a sentence, what is skipped is
said."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import pyarrow as pa
import pytest

from tuneloop.errors import InputError
from tuneloop.prepare import container
from tuneloop.prepare.container import Budget, Limits, Refused, Skipped
from tuneloop.prepare.places.local import files_in
from tuneloop.prepare.source_file import SourceFile

ROW = b'{"question": "q", "answer": "a"}\n'


def zipped(entries: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def look(write):
    """(name, content) of all files found, the refusals, and what was skipped."""

    def found(name, content, **limits):
        return seen(write(name, content), **limits)

    return found


def seen(path, **limits):
    files, refused, skipped = [], [], []
    for entry in files_in(path, Budget(Limits(**limits))):
        if isinstance(entry, SourceFile):
            with entry.open() as stream:
                files.append((entry.name, stream.read()))
        elif isinstance(entry, Refused):
            refused.append((entry.name, entry.message))
        else:
            skipped.append(entry)
    return files, refused, skipped


@pytest.mark.parametrize(
    ("name", "content", "inner"),
    [
        ("a.jsonl.gz", gzip.compress(ROW), "a.jsonl"),
        ("a.jsonl.bz2", bz2.compress(ROW), "a.jsonl"),
        ("a.jsonl.xz", lzma.compress(ROW), "a.jsonl"),
        ("a.jsonl.zst", pa.compress(ROW, codec="zstd", asbytes=True), "a.jsonl"),
        ("a.zip", zipped({"b.jsonl": ROW}), "a.zip/b.jsonl"),
        ("a.jsonl", zipped({"b.jsonl": ROW}), "a.jsonl/b.jsonl"),
        ("a.tar", tarred({"./c/b.jsonl": ROW}), "a.tar/c/b.jsonl"),
        ("a.tar.gz", tarred({"b.jsonl": ROW}, "w:gz"), "a.tar/b.jsonl"),
        ("a.tgz", tarred({"b.jsonl": ROW}, "w:gz"), "a.tar/b.jsonl"),
        ("a.tar.xz", tarred({"b.jsonl": ROW}, "w:xz"), "a.tar/b.jsonl"),
        ("a.zip", zipped({"b.zip": zipped({"c.jsonl": ROW})}), "a.zip/b.zip/c.jsonl"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_packed_files_are_read(look, name, content, inner):
    assert look(name, content) == ([(inner, ROW)], [], [])


def test_entries_come_in_the_order_of_their_names(look):
    files, _, _ = look("a.zip", zipped({"z.jsonl": ROW, "a.jsonl": ROW, "m/b.jsonl": ROW}))
    assert [name for name, _ in files] == ["a.zip/a.jsonl", "a.zip/m/b.jsonl", "a.zip/z.jsonl"]


@pytest.mark.parametrize(
    "path", ["../evil.jsonl", "a/../../evil.jsonl", "/etc/evil.jsonl", "..\\evil.jsonl", "C:\\evil.jsonl"]
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_entries_that_climb_out_are_refused(look, path, pack, tmp_path):
    files, refused, _ = look("a.bin", pack({path: ROW, "good.jsonl": ROW}))
    assert [name for name, _ in files] == ["a.bin/good.jsonl"]
    assert [message for _, message in refused] == [
        "its path leads out of the archive; such entries are never read. Pack the archive again without '..'."
    ]
    assert not list(tmp_path.parent.glob("evil*"))


def test_links_and_devices_in_archives_are_refused(look):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    files, refused, _ = look("a.tar", made.getvalue())
    assert files == []
    assert [name for name, _ in refused] == ["a.tar/soft", "a.tar/hard", "a.tar/pipe"]

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("soft")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    files, refused, _ = look("b.zip", made.getvalue())
    assert (files, refused) == (
        [],
        [("b.zip/soft", "is a link and no file; links in archives are never followed. Pack the file itself.")],
    )


def test_a_bomb_is_stopped_by_its_ratio(look, monkeypatch):
    monkeypatch.setattr(container, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(container, "BLOCK", 1 << 16)
    for name, content in (("a.zip", zipped({"b.jsonl": bytes(8 << 20)})), ("a.gz", gzip.compress(bytes(8 << 20)))):
        files, refused, _ = look(name, content)
        assert files == []
        assert "unpacks to more than 400 times its size, as archives made to fill disks do" in refused[0][1]


def test_a_bomb_is_stopped_by_its_size_over_all_entries(look):
    content = zipped({f"{n}.jsonl": os.urandom(3000) for n in range(5)})
    files, refused, _ = look("a.zip", content, max_bytes=10_000)
    assert len(files) == 3
    assert refused[0] == (
        "a.zip/3.jsonl",
        "unpacks to more than 10,000 bytes and is not read. If it is honest, raise archives.max_bytes in the recipe.",
    )


def test_too_many_entries(look):
    files, refused, _ = look("a.zip", zipped({f"{n}.txt": b"x" for n in range(5)}), max_entries=3)
    assert len(files) == 3
    assert refused == [("a.zip", "holds more than 3 files; the rest is not read. Pack fewer, larger files.")]


def test_an_archive_in_an_archive_without_end(look):
    content = ROW
    for _ in range(6):
        content = zipped({"a.zip": content})
    files, refused, _ = look("a.zip", content)
    assert files == []
    assert refused[0][1] == "is packed more than 4 times over and is not read. Unpack it yourself."


def test_damaged_and_locked_archives(look):
    whole = zipped({"a.jsonl": os.urandom(5000)})
    assert "cannot be read" in look("a.zip", whole[: len(whole) // 2])[1][0][1]
    assert "cannot be unpacked" in look("a.gz", gzip.compress(os.urandom(5000))[:-100])[1][0][1]
    assert "cannot be unpacked" in look("b.zip", whole.replace(whole[200:210], b"x" * 10))[1][0][1]
    locked = bytearray(zipped({"a.jsonl": ROW}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = locked.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        locked[at] |= 1
    assert look("c.zip", bytes(locked))[1] == [
        ("c.zip/a.jsonl", "is locked with a password. Unpack it yourself and give the file.")
    ]


def test_names_from_chinese_windows(look):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("abcd.jsonl", ROW)
    name = "数据".encode("gb18030")
    files, _, _ = look("a.zip", made.getvalue().replace(b"abcd.jsonl", name + b".jsonl"))
    assert files[0][0] == "a.zip/数据.jsonl"


def test_a_folder_says_what_it_skips(tmp_path, write):
    for name in ("d/b.jsonl", "d/a/c.jsonl", "d/.DS_Store", "d/.git/config", "d/README.md", "d/LICENSE"):
        write(name, ROW)
    files, refused, skipped = seen(tmp_path / "d")
    assert [name for name, _ in files] == ["d/a/c.jsonl", "d/b.jsonl"]
    assert refused == []
    assert [(one.name, one.why.en) for one in skipped] == [
        ("d/.DS_Store", "hidden file"),
        ("d/.git", "hidden file"),
        ("d/LICENSE", "describes the data and is none itself"),
        ("d/README.md", "describes the data and is none itself"),
    ]
    assert all(isinstance(one, Skipped) for one in skipped)


def test_links_in_a_folder(tmp_path, write):
    write("elsewhere/a.jsonl", ROW)
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "file.jsonl").symlink_to(tmp_path / "elsewhere" / "a.jsonl")
    (folder / "folder").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.jsonl").symlink_to(tmp_path / "nothing")
    files, refused, skipped = seen(folder)
    assert [name for name, _ in files] == ["d/file.jsonl"]
    assert refused == [("d/nowhere.jsonl", "no such file or folder. Check the path.")]
    assert [one.name for one in skipped] == ["d/folder", "d/loop"]


def test_an_empty_folder(tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(InputError) as caught:
        seen(tmp_path / "d")
    assert str(caught.value) == "d: is an empty folder; expected files with records."
