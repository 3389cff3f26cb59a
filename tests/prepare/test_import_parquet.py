"""Parquet tables, whole, nested and damaged."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tuneloop.errors import InputError


def parquet(tmp_path, columns, name="a.parquet"):
    pq.write_table(pa.table(columns), tmp_path / name)
    return (tmp_path / name).read_bytes()


def test_rows(read, tmp_path):
    messages = [[{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在"}]] * 600
    content = parquet(tmp_path, {"messages": messages, "day": [datetime.date(2026, 11, 21)] * 600})
    found = read("b.parquet", content)
    assert len(found.rows) == 600
    assert found.data[0] == {"messages": messages[0], "day": "2026-11-21"}
    assert found.rows[599].locator == "row 600"


def test_under_another_name(read, tmp_path):
    assert read("b.jsonl", parquet(tmp_path, {"text": ["一段文字"]})).format == "parquet"


def test_cut_off(read, tmp_path):
    content = parquet(tmp_path, {"text": ["一段文字"] * 100})
    with pytest.raises(InputError, match=r"a.parquet: is a Parquet file that cannot be read .*Copy it again"):
        read("a.parquet", content[:-30])


def test_bytes_that_are_no_text_cost_their_row(read, tmp_path):
    found = read("b.parquet", parquet(tmp_path, {"text": pa.array([b"ok", b"\xff\xfe"], pa.binary())}))
    assert found.data == [{"text": "ok"}]
    assert found.sentences == [("row 2", "found bytes that are no text; expected texts and numbers.")]
