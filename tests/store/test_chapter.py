"""The chapter on storage names what the code has."""

from __future__ import annotations

from pathlib import Path

from tuneloop.store import database, keys, remote
from tuneloop.store.ledgers import GROUP_BYTES, GROUP_ROWS, KINDS

CHAPTER = (Path(__file__).parents[2] / "docs" / "storage-and-runs.md").read_text("utf-8")


def test_every_ledger_and_variable_is_explained() -> None:
    for name in (*KINDS, database.VARIABLE, keys.VARIABLE, remote.VARIABLE):
        assert f"| `{name}` |" in CHAPTER


def test_the_sizes_are_those_of_the_code() -> None:
    assert f"{GROUP_ROWS:,} rows or {GROUP_BYTES >> 20} MB" in CHAPTER
