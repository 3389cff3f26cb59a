"""A backup holds one moment of a workspace in use, and comes back whole or not at all."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tuneloop import loop
from tuneloop.errors import ConflictError, InputError, NotFoundError, UsageError
from tuneloop.prepare import versions
from tuneloop.runs import queue
from tuneloop.serve import approvals
from tuneloop.store import Workspace, datasets, models, sources, tables
from tuneloop.store.backup import backup, restored


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    file = tmp_path / "cat.jsonl"
    rows = [{"question": f"What is room {n}?", "answer": f"Room {n} holds {n} chairs 椅子."} for n in range(12)]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    with Workspace.find(tmp_path / "w") as opened:
        loop.prepare(file, workspace=opened)
        folder = opened.path("models", "m1")
        (folder / "weights").write_bytes(bytes(range(256)) * 50)
        version = models.add_model(
            opened, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={"a": 1.5}
        )
        approvals.decide(opened, version.name, "approved", person="李娜")
        yield opened


def same(one: Workspace, other: Workspace) -> None:
    from tuneloop.store.schema import metadata

    with one.db.read() as here, other.db.read() as there:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key)
            assert here.execute(query).all() == there.execute(query).all(), table.name
    found = list(versions.records(one, datasets.version(one)))
    assert [record.id for record, _, _ in found] == [
        r.id for r, _, _ in versions.records(other, datasets.version(other))
    ]
    assert (other.folder / models.model(other).folder / "weights").read_bytes() == bytes(range(256)) * 50


def test_it_comes_back_whole(ws: Workspace, tmp_path: Path) -> None:
    made = backup(ws, tmp_path / "b.tar")
    assert made.rows > 20
    assert made.vanished == 0
    assert made.size == (tmp_path / "b.tar").stat().st_size
    with restored(tmp_path / "b.tar", tmp_path / "back") as back:
        assert back.id == ws.id
        same(ws, back)
        source = sources.add_source(back, "new", kind="own", digest="x", size=1)
        assert source.id == f"source-{len(sources.sources(ws)) + 1}"
    assert not list(tmp_path.glob(".part-*"))


def test_rows_of_one_moment_while_others_write(ws: Workspace, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with queue.here(ws, "train", {}) as lease:
                lease.event("note", n=1)
                lease.finish({})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(4):
            backup(ws, tmp_path / f"{number}.tar")
    finally:
        stop.set()
        writer.join()
    for number in range(4):
        with restored(tmp_path / f"{number}.tar", tmp_path / f"back{number}") as back, back.db.read() as connection:
            runs = {row.id: row.events for row in connection.execute(select(tables.runs))}
            for run, count in runs.items():
                events = connection.execute(select(tables.run_events).where(tables.run_events.c.run == run)).all()
                assert len(events) == count


def test_nothing_is_replaced(ws: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    backup(ws, file)
    with pytest.raises(ConflictError, match="is there already"):
        backup(ws, file)
    with pytest.raises(ConflictError, match="folder is not empty"):
        restored(file, ws.folder)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").touch()
    with pytest.raises(ConflictError, match="folder is not empty"):
        restored(file, full)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_torn_archive_leaves_nothing(ws: Workspace, tmp_path: Path, share: float) -> None:
    file = tmp_path / "b.tar"
    backup(ws, file)
    content = file.read_bytes().rstrip(b"\0")  # tar fills up with zeros, which may be missing
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match="torn or no backup"):
        restored(file, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".part-*"))


def test_a_flipped_bit_is_found(ws: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    backup(ws, file)
    content = bytearray(file.read_bytes())
    place = content.index(bytes(range(256)))
    content[place + 100] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"1 files of the archive are damaged, such as files/models/m1/weights"):
        restored(file, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("name", ["../out", "/etc/out", "files/../../out", "a\\..\\out"])
def test_no_member_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(InputError, match="the archive holds"):
        restored(tmp_path / "b.tar", tmp_path / "in" / "back")
    assert not (tmp_path / "out").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        member = tarfile.TarInfo("files/link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(InputError, match="the archive holds 'files/link'"):
        restored(tmp_path / "b.tar", tmp_path / "back")


def test_another_format_is_said(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuneloop.store.backup.FORMAT", 9)
    backup(ws, tmp_path / "b.tar")
    monkeypatch.undo()
    with pytest.raises(UsageError, match="the backup has format 9"):
        restored(tmp_path / "b.tar", tmp_path / "back")


def test_places_that_cannot_be(ws: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would lie in the workspace"):
        backup(ws, ws.folder / "b.tar")
    with pytest.raises(NotFoundError, match="no such folder"):
        backup(ws, tmp_path / "nowhere" / "b.tar")
    with pytest.raises(NotFoundError, match="no such file"):
        restored(tmp_path / "none.tar", tmp_path / "back")
