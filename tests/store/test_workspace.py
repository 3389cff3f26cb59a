"""Finding, making, copying and moving a workspace; two processes at once; a place that refuses writing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.kill_points import fork, forked, forks

from tuneloop.errors import NotFoundError, StorageError, TuneloopError, UsageError
from tuneloop.store import Workspace, datasets, models, sources

NAME = "小猫 #1? 100% it's"
"""A folder's name with all that addresses, SQL and URLs give a meaning to."""


def test_the_given_folder_is_the_workspace(tmp_path: Path) -> None:
    with Workspace.find(tmp_path / "mine") as ws:
        assert ws.folder == (tmp_path / "mine").resolve()
    assert (tmp_path / "mine" / "workspace.json").is_file()


def test_without_a_folder_the_nearest_one_upwards_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Workspace.find().folder
    assert made == tmp_path / ".tuneloop"
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert Workspace.find().folder == made
    (deep / ".tuneloop").mkdir()  # an empty folder of that name is no workspace
    assert Workspace.find().folder == made


def test_a_projects_folder_leads_to_the_workspace_inside_it(tmp_path: Path) -> None:
    inside = Workspace.find().folder
    assert Workspace.find(tmp_path).folder == inside


def test_a_missing_workspace_is_said_when_none_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no workspace here"):
        Workspace.find(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="found a file"):
        Workspace.find(tmp_path / "file")


def test_a_newer_format_and_a_torn_marker_are_sentences(tmp_path: Path) -> None:
    marker = Workspace.find(tmp_path).folder / "workspace.json"
    marker.write_text(json.dumps({"format": 99, "id": "x"}))
    with pytest.raises(StorageError, match="newer tuneloop"):
        Workspace.find(tmp_path)
    marker.write_text('{"form')
    with pytest.raises(StorageError, match="marker cannot be read"):
        Workspace.find(tmp_path)


def test_a_path_stays_inside(tmp_path: Path) -> None:
    ws = Workspace.find(tmp_path / "w")
    assert ws.relative(ws.path("runs", "run-1")) == "runs/run-1"
    with pytest.raises(UsageError, match="inside the workspace"):
        ws.path("..", "elsewhere")
    with pytest.raises(UsageError, match="inside"):
        ws.relative(tmp_path / "elsewhere")


@pytest.mark.parametrize("way", [shutil.copytree, shutil.move])
def test_a_copied_or_moved_workspace_goes_on(tmp_path: Path, way: object) -> None:
    with Workspace.find(tmp_path / NAME) as ws:
        _fill(ws)
    way(tmp_path / NAME, tmp_path / "new")  # type: ignore[operator]
    shutil.rmtree(tmp_path / NAME, ignore_errors=True)
    with Workspace.find(tmp_path / "new") as ws:
        assert datasets.version(ws).name == "data-1"
        assert datasets.versions_with(ws, "r1:a") == [datasets.version(ws)]
        assert (models.model_folder(ws, models.model(ws)) / "weights").read_text() == "w"
        assert sources.add_source(ws, "b.txt", kind="own", digest="y", size=1).id == "source-2"


def test_threads_that_make_workspaces_at_once_do_not_meet(tmp_path: Path) -> None:
    def make(number: int) -> int:
        with Workspace.find(tmp_path / str(number)) as ws:
            return len(sources.sources(ws))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, range(8))) == [0] * 8


@forks
def test_processes_that_make_one_workspace_at_once_agree(tmp_path: Path) -> None:
    gate, opened = os.pipe()

    def make(number: int) -> None:
        os.close(opened)
        os.read(gate, 1)  # returns when the parent closes the other end: all start together
        with Workspace.find(tmp_path / "new") as ws:
            sources.add_source(ws, f"{number}.txt", kind="own", digest=ws.id, size=1)

    children = [fork(lambda n=number: make(n)) for number in range(6)]
    os.close(gate)
    os.close(opened)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    with Workspace.find(tmp_path / "new") as ws:
        found = sources.sources(ws)
        assert [one.id for one in found] == [f"source-{number}" for number in range(1, 7)]
        assert {one.digest for one in found} == {ws.id}
        assert {one.name for one in found} == {f"{number}.txt" for number in range(6)}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@forks
def test_a_read_only_workspace_can_be_read_and_says_so_when_written_to(open_folder: Path) -> None:
    with Workspace.find(open_folder / NAME) as ws:
        _fill(ws)
    for place in [*open_folder.rglob("*"), open_folder]:
        place.chmod(0o555 if place.is_dir() else 0o444)

    def look() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)  # permissions don't bind root
        with Workspace.find(open_folder / NAME) as ws:
            assert ws.readonly
            assert datasets.version(ws).name == "data-1"
            assert [one.id for one in datasets.versions_with(ws, "r1:a")] == ["d1:one"]
            for write in (
                lambda: sources.add_source(ws, "b.txt", kind="own", digest="y", size=1),
                lambda: ws.blobs.put(b"new"),
                lambda: ws.ledgers.writer("members"),
                lambda: ws.path("runs", "run-9"),
                lambda: Workspace.find(open_folder / "other"),
            ):
                with pytest.raises(StorageError) as caught:
                    write()
                assert "read-only" in str(caught.value)
                assert "-w FOLDER" in str(caught.value)

    try:
        assert forked(look) == 0
    finally:
        for place in [open_folder, *open_folder.rglob("*")]:
            place.chmod(0o755)


def test_a_folder_where_a_file_must_be_is_an_error_of_this_program(tmp_path: Path) -> None:
    ws = Workspace.find(tmp_path / "w")
    (ws.folder / "runs").write_text("in the way")
    with pytest.raises(OSError) as caught:  # noqa: PT011  (which subclass depends on the system)
        ws.path("runs", "run-1")
    assert not isinstance(caught.value, TuneloopError)


def _fill(ws: Workspace) -> None:
    sources.add_source(ws, "a.txt", kind="own", digest="x", size=1)
    with ws.ledgers.writer("members") as writer:
        writer.write([{"record": "r1:a", "split": "train", "weight": 1.0}])
        members = writer.commit()
    datasets.add_version(
        ws, id="d1:one", splits={"train": 1}, kinds={"chat": 1}, pipeline={}, report={}, ledgers={"members": members}
    )
    folder = ws.path("models", "first")
    (folder / "weights").write_text("w")
    models.add_model(
        ws, base="starter", form="adapter", folder=folder, objective="sft", tuner="lora", recipe={}, dataset="data-1"
    )
