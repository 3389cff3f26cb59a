"""JSON lines: every line is a row or a rejection with a sentence, whatever it holds."""

from __future__ import annotations

import json
import random

import pytest

from tuneloop.prepare import PrepareRecipe, prepare
from tuneloop.prepare.importers import jsonl
from tuneloop.prepare.lines import lines

LINE = '{"question": "猫叫什么？", "answer": "咪咪"}'


def test_rows_keep_their_lines(read):
    found = read("a.jsonl", f"{LINE}\n\n{LINE}\n")
    assert found.format == "jsonl"
    assert [(row.locator, row.line) for row in found.rows] == [("line 1", 1), ("line 3", 3)]
    assert found.data[0] == {"question": "猫叫什么？", "answer": "咪咪"}


def test_a_broken_line_is_put_aside_and_the_others_go_on(read):
    found = read("a.jsonl", f'{LINE}\n{{"question": "狗呢", "answer": }}\n{LINE}\n')
    assert len(found.rows) == 2
    assert found.sentences == [("line 2", "is not JSON: expecting value at character 30. Mend the line, or remove it.")]
    assert found.rejected[0].excerpt == '{"question": "狗呢", "answer": }'


def test_a_line_that_stops_within_a_text(read):
    found = read("a.jsonl", f'{LINE}\n{{"question": "狗\n')
    assert found.sentences == [
        ("line 2", "is not JSON: unterminated string starting at character 14. Mend the line, or remove it.")
    ]


def test_glued_objects_are_taken_apart_and_both_counted(read):
    found = read("a.jsonl", f"{LINE}{LINE} , {LINE}\n{LINE}\n")
    assert [row.locator for row in found.rows] == ["line 1, object 1", "line 1, object 2", "line 1, object 3", "line 2"]
    assert [row.mended for row in found.rows] == ["glued", "glued", "glued", ""]


def test_a_broken_object_glued_to_a_good_one_costs_only_itself(read):
    found = read("a.jsonl", f'{LINE}{{"question": "半\n{LINE}\n')
    assert len(found.rows) == 2
    assert found.sentences[0][0] == "line 1, object 2"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("NaN", "found NaN; expected a finite number or null."),
        ("-Infinity", "found -Infinity; expected a finite number or null."),
        ("1e999", "found the number 1e999; expected a finite number."),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice in one object; expected each key once. Remove one of them."),
        ("[" * 70 + "]" * 70, "is nested too deeply; expected at most 64 levels."),
        ("[" * 100_000 + "]" * 100_000, "is nested too deeply; expected at most 64 levels."),
        ("9" * 5000, "found a number of 5000 digits; expected at most 1000 digits."),
    ],
)
def test_what_other_readers_take_in_silence_is_refused(read, value, sentence):
    found = read("a.jsonl", f'{LINE}\n{{"question": {value}}}\n{LINE}\n')
    assert found.sentences == [("line 2", sentence)]
    assert len(found.rows) == 2


def test_what_is_refused_within_a_glued_line_costs_only_itself(read):
    found = read("a.jsonl", f'{{"a": NaN}}{LINE}\n')
    assert [item.locator for item in found.items] == ["line 1", "line 1, object 2"]
    assert len(found.rows) == 1


@pytest.mark.parametrize(
    ("value", "what"), [("[1, 2]", "a list"), ('"text"', "a text"), ("3", "a number"), ("null", "null")]
)
def test_a_line_that_is_no_object(read, value, what):
    found = read("a.jsonl", f"{LINE}\n{value}\n")
    expected = f'found {what}; expected an object with fields, such as {{"question": …, "answer": …}}.'
    assert found.sentences == [("line 2", expected)]


def test_marks_and_line_breaks_of_other_systems(read):
    found = read("a.jsonl", b"\xef\xbb\xbf" + f"{LINE}\r\n{LINE}\r\n".encode())
    assert (len(found.rows), found.rejected, found.encoding) == (2, [], "utf-8-sig")
    assert read("b.jsonl", f"{LINE}\n\ufeff{LINE}\n").rejected == []


@pytest.mark.parametrize("codec", ["gb18030", "utf-16", "utf-16-le", "utf-16-be", "big5hkscs", "utf-8-sig", "utf-32"])
def test_encodings(read, codec):
    line = '{"question": "請問你們什麼時候發貨？我的訂單還沒有收到", "answer": "已經發出，請您耐心等待，謝謝"}'
    found = read("a.jsonl", "\n".join([line] * 20).encode(codec))
    assert found.rejected == []
    assert found.data == [json.loads(line)] * 20


def test_characters_that_look_like_line_breaks_are_none(read):
    text = "一\u2028二\u0085三\u2029四\x0b五"
    found = read("a.jsonl", json.dumps({"text": text}, ensure_ascii=False) + "\n")
    assert found.data == [{"text": text}]


def test_damaged_bytes_cost_their_line_only(read):
    found = read(
        "a.jsonl", f"{LINE}\n".encode() * 30 + b'{"question": "\xff\xfe\xfa", "answer": "x"}\n' + f"{LINE}\n".encode()
    )
    assert len(found.rows) == 31
    assert found.sentences == [
        ("line 31", "found the byte 0xff, which is not UTF-8. Save the file in one encoding, best UTF-8.")
    ]


def test_a_line_of_four_megabytes_is_a_row(read):
    text = "长" * 4_000_000
    found = read("a.jsonl", f'{LINE}\n{{"text": "{text}"}}\n{LINE}\n')
    assert [len(str(row.data)) > 4_000_000 for row in found.rows] == [False, True, False]


def test_a_line_beyond_any_record_is_refused_in_bounded_memory(read, monkeypatch):
    monkeypatch.setattr(jsonl, "lines", lambda stream: lines(stream, 1000))
    found = read("a.jsonl", f'{LINE}\n{{"text": "{"x" * 5000}"}}\n{LINE}\n')
    assert [item.locator for item in found.items] == ["line 1", "line 2", "line 3"]
    assert found.rejected[0].reason == "too_long"


def test_json_lines_under_another_name(read):
    assert read("a.json", f"{LINE}\n{LINE}\n").format == "jsonl"
    assert read("a.txt", f"{LINE}\n{LINE}\n").format == "jsonl"
    assert read("a.csv", f"{LINE}\n{LINE}\n").format == "jsonl"


def test_a_first_line_that_is_a_list(read):
    found = read("a.jsonl", f"[1, 2]\n{LINE}\n")
    assert (found.format, len(found.rows), len(found.rejected)) == ("jsonl", 1, 1)
    assert read("a.txt", f"[1, 2]\n{LINE}\n").format == "jsonl"


def test_text_under_the_name_of_json_lines(read):
    found = read("a.jsonl", "今天天气不错\n我们去公园\n")
    assert found.format == "jsonl"
    assert found.sentences[0] == ("line 1", "is not JSON: expecting value at character 1. Mend the line, or remove it.")


MIXED = [
    json.dumps({"question": f"如何联系第{n}位客服？", "answer": f"请拨打{n}号电话。"}, ensure_ascii=False)
    for n in range(200)
]


@pytest.mark.parametrize("other", ["gb18030", "big5hkscs", "cp932"])
@pytest.mark.parametrize("utf8", [1, 60, 140, 199])
def test_two_encodings_in_one_file_are_told_apart_line_by_line(read, other, utf8):
    words = {
        "gb18030": ("如何联系第{}位客服？", "请拨打{}号电话。"),
        "big5hkscs": ("如何聯絡第{}位客服？", "請撥打{}號電話。"),
        "cp932": ("お客様番号{}はどこですか？", "電話番号は{}です。"),
    }[other]
    asked = [{"question": words[0].format(n), "answer": words[1].format(n)} for n in range(200)]
    rows = [json.dumps(one, ensure_ascii=False) for one in asked]
    places = set(random.Random(utf8).sample(range(200), utf8))
    found = read("a.jsonl", b"\n".join(line.encode("utf-8" if n in places else other) for n, line in enumerate(rows)))
    assert (found.data, found.rejected) == (asked, [])
    assert found.encoding == (f"utf-8+{other}" if utf8 >= 100 else f"{other}+utf-8")


def test_what_is_in_neither_of_two_encodings_is_rejected_with_its_line(read):
    lines = [line.encode("utf-8" if n % 2 else "gb18030") for n, line in enumerate(MIXED)]
    lines[120] = b'{"question": "\xff\xff", "answer": "\xff"}'
    lines[121] = MIXED[121].encode().replace("电".encode(), "电".encode()[:2])
    found = read("a.jsonl", b"\n".join(lines))
    assert found.sentences == [
        (
            "line 121",
            "found the byte 0xff, which is neither UTF-8 nor GB18030. Save the file in one encoding, best UTF-8.",
        ),
        (
            "line 122",
            "found the byte 0xe7, which is neither UTF-8 nor GB18030. Save the file in one encoding, best UTF-8.",
        ),
    ]
    assert len(found.rows) == 198


def test_a_byte_order_mark_before_lines_of_another_encoding(read):
    found = read("a.jsonl", b"\xef\xbb\xbf" + b"\n".join([MIXED[0].encode(), MIXED[1].encode("gb18030")]))
    assert found.data == [json.loads(line) for line in MIXED[:2]]


def test_the_report_says_that_a_file_mixes_encodings(ws, write):
    lines = [line.encode("utf-8" if n < 140 else "gb18030") for n, line in enumerate(MIXED)]
    version = prepare(write("m.jsonl", b"\n".join(lines)), workspace=ws, recipe=PrepareRecipe(steps=()))
    assert version.report["counts"]["rejected"] == 0
    [told] = [one["text"] for one in version.report["advice"] if one["topic"] == "encodings"]
    assert told["en"].startswith("m.jsonl mixes encodings: 140 lines in UTF-8, 60 lines in GB18030 ")
    assert "UTF-8 140 行，GB18030 60 行" in told["zh"]
