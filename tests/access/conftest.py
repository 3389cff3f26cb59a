"""An open workspace on SQLite and, where there is one, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.test_postgres import folder, server

from tuneloop.access import people
from tuneloop.access.audit import Actor
from tuneloop.access.people import Person
from tuneloop.store import Workspace

__all__ = ["folder", "server"]

SYSTEM = Actor(None, "test")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ws(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    place = request.getfixturevalue("folder") if request.param == "postgresql" else tmp_path / "w"
    with Workspace.find(place) as found:
        yield found


@pytest.fixture
def admin(ws: Workspace) -> Person:
    return people.create(ws, SYSTEM, "Ada", "admin")
