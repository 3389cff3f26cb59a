"""A workspace, and a base model made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.evaluate.world import learn, make_base

from tuneloop.store import Workspace


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that knows the facts."""
    return learn(tmp_path_factory.mktemp("adapter"), base, "adapter")


@pytest.fixture(scope="session")
def full(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Full weights that know the facts."""
    return learn(tmp_path_factory.mktemp("full"), base, "full")


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "workspace") as workspace:
        yield workspace
