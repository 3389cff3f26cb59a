"""JSON: arrays are streamed, a fault costs one element, rows inside an object are found."""

from __future__ import annotations

import json

import pytest

from tuneloop.prepare import json_reader

ROWS = [{"question": f"第{n}个问题", "answer": '答案 {[",' + str(n)} for n in range(50)]


def test_an_array(read):
    found = read("a.json", json.dumps(ROWS, ensure_ascii=False))
    assert (found.format, found.data, found.rejected) == ("json", ROWS, [])
    assert found.rows[3].locator == "item 4, line 1"


def test_an_array_is_read_in_chunks_smaller_than_its_elements(read, monkeypatch):
    monkeypatch.setattr(json_reader, "CHUNK", 7)
    found = read("a.json", json.dumps(ROWS, ensure_ascii=False, indent=2))
    assert (found.data, found.rejected) == (ROWS, [])
    assert found.rows[1].locator == "item 2, line 6"


@pytest.mark.parametrize("chunk", [3, 64, 1 << 20])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('{"question": NaN, "answer": "x"}', "bad_json"),
        ('{"question": "a", "question": "b"}', "bad_json"),
        ('{"question": "a" "answer": "x"}', "not_json"),
        ('{"question": "quote is missing, "answer": "x"}', "not_json"),
        ("17", "not_object"),
        ('{"question": [1, 2}, "answer": 3}', "not_json"),
    ],
)
def test_a_fault_costs_one_element(read, monkeypatch, chunk, broken, reason):
    monkeypatch.setattr(json_reader, "CHUNK", chunk)
    good = [json.dumps(row, ensure_ascii=False) for row in ROWS[:4]]
    found = read("a.json", "[\n" + ",\n".join([*good[:2], broken, *good[2:]]) + "\n]")
    assert found.data == ROWS[:4]
    assert [(one.reason, one.locator) for one in found.rejected] == [(reason, "item 3, line 4")]


def test_elements_without_a_comma_between(read):
    found = read("a.json", '[{"a": 1}{"a": 2}, {"a": 3}]')
    assert found.data == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [row.mended for row in found.rows] == ["", "glued", ""]


def test_a_file_that_is_cut_off(read):
    found = read("a.json", json.dumps(ROWS[:5], ensure_ascii=False)[:-20])
    assert found.data == ROWS[:4]
    assert found.sentences[-1][1].startswith(("is not JSON", "the array is not closed"))


def test_an_array_that_is_not_closed(read):
    found = read("a.json", json.dumps(ROWS[:5], ensure_ascii=False)[:-1])
    assert found.data == ROWS[:5]
    assert found.sentences == [
        ("item 6, line 1", "the array is not closed: the file seems to be cut off. Copy it again.")
    ]


def test_one_object_is_one_row(read):
    row = {"messages": [{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在的"}]}
    assert read("a.json", json.dumps(row, indent=1)).data == [row]
    assert read("b.json", json.dumps(row)).data == [row]


def test_objects_one_after_the_other_over_many_lines(read):
    found = read("a.jsonl", "\n".join(json.dumps(row, indent=2, ensure_ascii=False) for row in ROWS))
    assert (found.format, found.data) == ("json", ROWS)


def test_rows_inside_an_object(read):
    assert read("a.json", json.dumps({"version": "1", "data": ROWS, "licence": "x"}, indent=1)).data == ROWS


def test_rows_as_the_values_of_an_object(read):
    found = read("a.json", json.dumps({f"id{n}": row for n, row in enumerate(ROWS)}, indent=1, ensure_ascii=False))
    assert found.data == ROWS
    assert found.rows[2].locator.startswith("key id2, line ")


def test_a_preference_record_is_no_list_of_rows(read):
    record = {
        "input": {"messages": [{"role": "user", "content": "hi"}], "tools": []},
        "preferred_output": [{"role": "assistant", "content": "hello"}],
        "non_preferred_output": [{"role": "assistant", "content": "go away"}],
    }
    assert read("a.json", json.dumps(record, indent=2)).data == [record]


def test_memory_does_not_grow_with_the_array(read, monkeypatch, write):
    monkeypatch.setattr(json_reader, "CHUNK", 1000)
    held: list[int] = []
    more = json_reader.JsonReader.more
    monkeypatch.setattr(json_reader.JsonReader, "more", lambda reader: (held.append(len(reader.text)), more(reader))[1])
    assert len(read("a.json", json.dumps(ROWS * 100)).rows) == 5000
    assert max(held) < 3000


def test_a_text_that_begins_with_a_bracket_is_no_json(read):
    assert read("a.md", "[目录](#toc)\n\n# 标题\n正文\n").format == "markdown"
