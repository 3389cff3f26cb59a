"""The same requests as `test_fuzz` against a workspace on a real PostgreSQL, which refuses more (NUL, lone surrogates,
numbers beyond 64 bits)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.http.test_fuzz import assert_nothing_stumbles, seeds, served
from tests.store.test_postgres import folder, server

__all__ = ["folder", "server"]

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("wanted", "number"), seeds())
def test_no_request_makes_the_server_stumble(folder: Path, wanted: int, number: int) -> None:
    folder.parent.mkdir(exist_ok=True)
    with served(folder.parent) as running:
        assert_nothing_stumbles(running, wanted, number)
