"""Small files, written by the tests, and what is read of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tuneloop.prepare.importer import Item, Rejection, Row, recognize
from tuneloop.prepare.source_file import disk_file
from tuneloop.store import Workspace


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


class Read:
    """What an importer made of a file."""

    def __init__(self, path: Path) -> None:
        file = disk_file(path, path.name)
        found = recognize(file)
        self.format, self.encoding = found.importer.name, found.encoding
        self.items: list[Item] = list(found.importer.items(file, found.encoding))

    @property
    def rows(self) -> list[Row]:
        return [item for item in self.items if isinstance(item, Row)]

    @property
    def rejected(self) -> list[Rejection]:
        return [item for item in self.items if isinstance(item, Rejection)]

    @property
    def data(self) -> list[dict[str, object]]:
        return [dict(row.data) for row in self.rows]

    @property
    def sentences(self) -> list[tuple[str, str]]:
        return [(one.locator, one.message) for one in self.rejected]


@pytest.fixture
def read(write: Callable[[str, str | bytes], Path]) -> Callable[[str, str | bytes], Read]:
    return lambda name, content: Read(write(name, content))


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with its tables made, to be copied: making them takes longer than a small preparation."""
    folder = tmp_path_factory.mktemp("empty") / "ws"
    with Workspace.find(folder) as ws, ws.db.read():
        pass
    return folder


@pytest.fixture
def ws(tmp_path: Path, empty_workspace: Path) -> Iterator[Workspace]:
    shutil.copytree(empty_workspace, tmp_path / "ws")
    with Workspace.find(tmp_path / "ws") as workspace:
        yield workspace
