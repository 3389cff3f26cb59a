"""What no body may hold: too many levels, half characters, other encodings; against the parser's own view."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.http.team import make_team

from tuneloop.app.http.reading import MOST, too_deep, unreadable


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + max(map(depth, inner), default=0)


def nested(draw: random.Random, levels: int) -> Any:
    value: Any = draw.choice([1, 'a"[{\\', '\\"]}', None, "\\"])
    for _ in range(levels):
        value = draw.choice([[value, "[[[["], {'}{"\\': value}, [1, value, [], {}], {"a": value, "b": [[2]]}])
    return value


@pytest.mark.parametrize("levels", [1, 3, 30, 62, 63, 64, 65, 66, 90, 200])
def test_brackets_count_and_texts_do_not(levels: int) -> None:
    draw = random.Random(levels)
    for _ in range(20):
        value = nested(draw, levels)
        for ascii_only in (False, True):
            assert too_deep(json.dumps(value, ensure_ascii=ascii_only).encode()) == (depth(value) > MOST)


def test_what_is_no_json_is_left_to_the_parser() -> None:
    assert not too_deep(b'"' + b"[" * 1000 + b'"')
    assert not too_deep(b"[]" * 1000)
    assert too_deep(b"[" * 1000)


def test_half_characters_are_found_and_whole_ones_are_not() -> None:
    draw = random.Random(0)
    pieces = ["\\\\", "\\ud83d", "\\uDE00", "\\ud83d\\ude00", "\\n", '\\"', "ud800", "a", "\\u00e9", "\\udfff", "é"]
    seen = set()
    for _ in range(5000):
        text = "".join(draw.choices(pieces, k=draw.randrange(1, 6)))
        body = f'["{text}"]'.encode()
        try:
            json.loads(body)[0].encode()
            whole = True
        except UnicodeEncodeError:
            whole = False
        assert (unreadable(body) == "") == whole, text
        seen.add(whole)
    assert seen == {True, False}


@pytest.mark.parametrize(
    "body", [b'"\xed\xa0\x80"', b'"\xff"', '"a"'.encode("utf-16"), '"é"'.encode("latin-1"), b'"a\0"']
)
def test_other_encodings_are_refused(body: bytes) -> None:
    assert unreadable(body)


@pytest.mark.parametrize(
    ("path", "head", "tail"),
    [
        ("/v1/chat/completions", b'{"model": "a", "messages": [], "chat_template_kwargs": ', b"}"),
        ("/v1/fine_tuning/jobs", b'{"model": "a", "metadata": ', b"}"),
        ("/api/runs", b'{"stage": "train", "recipe": ', b"}"),
    ],
)
def test_too_deep_a_body_is_refused_before_its_route(tmp_path: Path, path: str, head: bytes, tail: bytes) -> None:
    client = make_team(tmp_path).client("admin")
    for text in (b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a":"' + b"b" * 300_000 + b'","c":' + b"[" * 80 + b"]" * 81):
        told = client.post(path, content=head + text + tail, headers={"content-type": "application/json"})
        assert told.status_code == 400, told.text
        assert "nested too deeply" in told.json()["error"]["message"]
    wide = json.dumps({"a": "[1]"}).encode("utf-16")
    told = client.post(path, content=wide, headers={"content-type": "application/json"})
    assert (told.status_code, told.json()["error"]["code"]) == (400, "invalid_value")
    told = client.post(path, content=head + b'{"a": "\\ud800"}' + tail, headers={"content-type": "application/json"})
    assert "half a character" in told.json()["error"]["message"]
