"""Object stores, here one in memory and one that breaks off."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tuneloop.errors import InputError, MissingPackageError, NotFoundError, SettingError, UsageError
from tuneloop.prepare import prepare, versions
from tuneloop.prepare.place import Visit, name_of, places
from tuneloop.prepare.places import object_store
from tuneloop.prepare.places.object_store import ObjectStore
from tuneloop.prepare.recipe import PrepareRecipe
from tuneloop.store import sources

places.load("object_store")  # which gives it its name


def lines(*questions: str) -> bytes:
    return "".join(json.dumps({"question": one, "answer": f"{one}的答案"}) + "\n" for one in questions).encode()


@pytest.fixture
def there() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def recipe(**settings: Any) -> PrepareRecipe:
    return PrepareRecipe(places={"object_store": settings}, steps=(), split="train_only")


def put(files: Any) -> None:
    files.pipe("/bucket/logs/june.jsonl", lines("六月是什么"))
    files.pipe("/bucket/logs/july.jsonl", lines("七月是什么", "七月几天"))
    files.pipe("/bucket/logs/old/may.csv", "question,answer\n五月,五月的答案\n五月几天,三十一天\n".encode())
    files.pipe("/bucket/logs/README.md", b"# about")
    files.pipe("/bucket/logs/.hidden", b"x")


@pytest.mark.parametrize(
    ("address", "records"),
    [
        ("memory://bucket/logs", 5),
        ("memory://bucket/logs/", 5),
        ("memory://bucket/logs/*.jsonl", 3),
        ("memory://bucket/logs/**/*.csv", 2),
        ("memory://bucket/logs/june.jsonl", 1),
    ],
)
def test_files_patterns_and_folders(ws, there, address, records):
    put(there)
    version = prepare(address, workspace=ws, recipe=recipe())
    assert version.records == records
    record = next(iter(versions.records(ws, version)))[0]
    [origin] = versions.origins_of(ws, version, record.id)
    assert origin.file.startswith("memory://bucket/logs/")
    assert sources.source(ws, origin.source).name == address
    assert not list((ws.folder / "fetched").iterdir())
    skipped = [one["file"] for one in version.report["inputs"][0]["skipped"]]
    assert ("memory://bucket/logs/README.md" in skipped) == (records == 5)


def test_the_same_content_from_a_folder_is_the_same_version(ws, there, tmp_path):
    put(there)
    there.get("/bucket/logs/", str(tmp_path / "logs"), recursive=True)
    here = prepare(tmp_path / "logs", workspace=ws, recipe=recipe())
    assert prepare("memory://bucket/logs", workspace=ws, recipe=recipe()).id == here.id


class Flaky(io.BytesIO):
    """Breaks off after so many bytes have been read."""

    left = 0

    def read(self, count: int | None = -1) -> bytes:
        piece = super().read(min(count or 0, 100))
        Flaky.left -= len(piece)
        if Flaky.left < 0:
            raise ConnectionResetError("the store hung up")
        return piece


def test_what_broke_off_goes_on(ws, there, monkeypatch):
    content = lines(*(f"第{n}个问题" for n in range(100)))
    there.pipe("/bucket/a.jsonl", content)
    starts = []

    def opened(self, path, mode="rb", **_):
        made = Flaky(there.cat(path))
        seek = made.seek
        monkeypatch.setattr(made, "seek", lambda to: (starts.append(to), seek(to))[1], raising=False)
        return made

    monkeypatch.setattr(MemoryFileSystem, "open", opened)
    Flaky.left = 1000
    with pytest.raises(InputError) as caught:
        prepare("memory://bucket/a.jsonl", workspace=ws, recipe=recipe())
    assert "the store hung up" in str(caught.value)
    assert "What came is kept" in str(caught.value)
    Flaky.left = 10**9
    assert prepare("memory://bucket/a.jsonl", workspace=ws, recipe=recipe()).records == 100
    assert starts[-1] == 1000


def test_what_changed_meanwhile_is_begun_anew(there, tmp_path, monkeypatch):
    there.pipe("/bucket/a.jsonl", lines("旧的"))
    visit = Visit(lambda: tmp_path / "spools")
    [file] = ObjectStore().entries("memory://bucket/a.jsonl", visit)
    visit.close(made=False)
    there.pipe("/bucket/a.jsonl", lines("新的"))
    visit = Visit(lambda: tmp_path / "spools")
    [file] = ObjectStore().entries("memory://bucket/a.jsonl", visit)
    assert "新的" in json.loads(file.head)["question"]
    visit.close(made=True)


def test_mistakes_are_sentences(ws, there, monkeypatch):
    def said(address: str, kind: type[Exception], **settings: Any) -> str:
        with pytest.raises(kind) as caught:
            prepare(address, workspace=ws, recipe=recipe(**settings))
        return str(caught.value)

    assert "nothing lies there" in said("memory://bucket/none", NotFoundError)
    assert "nothing lies there" in said("memory://bucket/*.csv", NotFoundError)
    for scheme, package in (("s3", "s3fs"), ("gs", "gcsfs"), ("oss", "ossfs"), ("abfs", "adlfs")):
        assert f"pip install {package}" in said(f"{scheme}://bucket/a", MissingPackageError)
    told = said("memory://bucket/a", SettingError, options={"secret": "s3cretword"})
    assert "no credentials" in told
    assert "s3cretword" not in told
    assert "no place knows" in said("simplecache://bucket/a", UsageError)
    assert "chain" in said("memory://bucket/a.zip::memory://x", UsageError)

    def denied(*_args: Any, **_more: Any) -> Any:
        raise PermissionError("Access Denied")

    there.pipe("/bucket/a.jsonl", lines("一"))
    monkeypatch.setattr(MemoryFileSystem, "info", denied)
    assert "gives no right to read it (Access Denied)" in said("memory://bucket/a.jsonl", InputError)


def test_addresses_find_their_place():
    assert name_of("s3://bucket/a") == name_of("memory://a") == name_of("sftp://host/a") == "object_store"
    assert name_of("file:///tmp/a.jsonl") == "local"
    assert "file" in object_store.NOT_STORES
