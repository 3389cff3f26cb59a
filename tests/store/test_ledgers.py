"""Ledgers: streamed in bounded memory, committed whole, read back, asked in SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kill_points import forked, forks

from tuneloop.errors import StorageError
from tuneloop.store import ledgers as module
from tuneloop.store.blobs import Blobs
from tuneloop.store.ledgers import KINDS, Ledgers, schema


@pytest.fixture
def ledgers(tmp_path: Path) -> Ledgers:
    return Ledgers(Blobs(tmp_path / "blobs"))


def member(number: int) -> dict[str, Any]:
    return {"record": f"r1:{number:08d}", "split": "train" if number % 10 else "test", "weight": 1.0}


def written(ledgers: Ledgers, kind: str, rows: list[dict[str, Any]]) -> str:
    with ledgers.writer(kind) as writer:
        writer.write(rows)
        return writer.commit()


def rows(ledgers: Ledgers, address: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    return [row for batch in ledgers.read(address, columns) for row in batch.to_pylist()]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_keeps_what_it_is_given(ledgers: Ledgers, kind: str) -> None:
    values = {
        "string": "字",
        "int64": 2**40,
        "int32": 7,
        "float64": 0.1,
        "float32": 0.5,
        "binary": "字".encode(),
        "bool": True,
        "list<string>": ["退款", "订单"],
    }
    full = {name: values[spelled.rstrip("!")] for name, spelled in KINDS[kind].items()}
    least = {name: value for name, value in full.items() if KINDS[kind][name].endswith("!")}
    if kind == "members":
        least["record"] += "2"
    address = written(ledgers, kind, [full, least])
    assert rows(ledgers, address) == [full, {name: least.get(name) for name in full}]
    assert ledgers.rows(address) == 2


def test_nothing_exists_until_commit(ledgers: Ledgers, tmp_path: Path) -> None:
    with ledgers.writer("members") as writer:
        writer.write([member(1)])
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_an_empty_ledger_is_a_ledger(ledgers: Ledgers) -> None:
    address = written(ledgers, "fates", [])
    assert rows(ledgers, address) == []
    assert ledgers.query("SELECT count(*) AS n FROM fates", fates=[address]).to_pylist() == [{"n": 0}]


def test_the_same_rows_are_the_same_blob(ledgers: Ledgers) -> None:
    some = [member(number) for number in range(100)]
    assert written(ledgers, "members", some) == written(ledgers, "members", some)


def test_row_groups_are_bounded_in_rows_and_in_bytes(ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(module, "SMALL_GROUPS", {"members": 1000})
    address = written(ledgers, "members", [member(number) for number in range(2500)])
    metadata = pq.read_metadata(ledgers._blobs.path(address))
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [1000, 1000, 500]

    monkeypatch.setattr(module, "GROUP_BYTES", 100_000)
    with ledgers.writer("records") as writer:
        for number in range(20):
            payload = b"x" * 30_000
            writer.write([{"id": f"r1:{number}", "kind": "text", "length": 1, "payload": payload}])
            assert writer._pending_bytes < 100_000
        address = writer.commit()
    metadata = pq.read_metadata(ledgers._blobs.path(address))
    assert metadata.num_row_groups == 5
    assert [row["id"] for row in rows(ledgers, address, ["id"])] == [f"r1:{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"record": "r1:a", "split": "train", "weigth": 1.0}, "unknown columns"),
        ({"record": "r1:a", "split": "train"}, "must have a value"),
    ],
)
def test_a_row_that_does_not_fit_is_a_bug(ledgers: Ledgers, row: dict[str, Any], says: str) -> None:
    with ledgers.writer("members") as writer, pytest.raises(ValueError, match=says):
        writer.write([row])


def test_a_batch_of_another_schema_and_an_unknown_kind_are_bugs(ledgers: Ledgers) -> None:
    import pyarrow as pa

    batch = pa.RecordBatch.from_pylist([member(1)])
    with ledgers.writer("members") as writer, pytest.raises(ValueError, match="schema"):
        writer.write_batch(batch)
    with pytest.raises(ValueError, match="did you mean 'members'"):
        schema("member")


@pytest.mark.parametrize("then", [[member(2)], [member(1)], [member(4), member(3)]])
def test_members_must_rise(ledgers: Ledgers, then: list[dict[str, Any]]) -> None:
    with ledgers.writer("members") as writer:
        writer.write([member(2)])
        with pytest.raises(ValueError, match="rising order"):
            writer.write(then)


def test_a_sorted_ledger_finds_a_value_or_says_no(ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL_GROUPS", {"members": 100})
    address = written(ledgers, "members", [member(number) for number in range(0, 1000, 2)])
    for number in (0, 2, 198, 200, 998):
        assert ledgers.holds(address, "record", f"r1:{number:08d}")
    for number in (1, 199, 999, 2000):
        assert not ledgers.holds(address, "record", f"r1:{number:08d}")
    assert not ledgers.holds(address, "record", "")


def test_sql_over_several_ledgers_with_parameters(ledgers: Ledgers) -> None:
    one = written(ledgers, "members", [member(number) for number in range(10)])
    two = written(ledgers, "members", [member(number) for number in range(10, 20)])
    lost = written(
        ledgers, "losses", [{"record": "r1:00000003", "split": "train", "step": 1, "loss": 2.5, "tokens": 4}]
    )
    table = ledgers.query(
        "SELECT split, count(*) AS n FROM m WHERE record > ? GROUP BY split ORDER BY split",
        ["r1:00000000"],
        m=[one, two],
    )
    assert table.to_pylist() == [{"split": "test", "n": 1}, {"split": "train", "n": 18}]
    table = ledgers.query("SELECT loss FROM m JOIN l USING (record)", m=[one], l=[lost])
    assert table.to_pylist() == [{"loss": 2.5}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/tuneloop-query-escaped.csv'",
        "INSTALL httpfs",
        "SET enable_external_access=true",
    ],
)
def test_sql_cannot_leave_the_blobs(ledgers: Ledgers, sql: str) -> None:
    import duckdb

    address = written(ledgers, "members", [member(1)])
    with pytest.raises(duckdb.Error):
        ledgers.query(sql, m=[address])


@forks
def test_a_disk_that_fills_up_is_a_sentence_and_leaves_nothing(ledgers: Ledgers, tmp_path: Path) -> None:
    import random

    def fill() -> None:
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        noise = random.Random(1)
        many = [
            {"id": f"r1:{number}", "kind": "text", "length": 1, "payload": noise.randbytes(100_000)}
            for number in range(9)
        ]
        with pytest.raises(StorageError, match="disk is full"):
            written(ledgers, "records", many)

    assert forked(fill) == 0
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_ledgers_without_a_value_in_a_column_are_told(ledgers: Ledgers) -> None:
    base = {"record": "r", "source": "s", "file": "f", "item": 1, "locator": "l"}
    tagged = written(ledgers, "origins", [base, base | {"tags": ["退款"], "subject": "Li"}])
    empty = written(ledgers, "origins", [base, base | {"tags": []}])
    assert ledgers.with_column([empty, tagged], "tags") == [tagged]
    assert ledgers.with_column([empty, tagged], "subject") == [tagged]
    assert ledgers.with_column([tagged], "grade") == []
