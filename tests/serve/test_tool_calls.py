"""Calls read back from what models write, a piece at a time, and the form that a demanded call has."""

from __future__ import annotations

import json

import pytest

from tuneloop.models.constraint import Constraint
from tuneloop.serve.tool_calls import Reading, grammar

TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "time"}},
]  # fmt: skip
HERMES = '<tool_call>\n{"name": "weather", "arguments": {"city": "杭州"}}\n</tool_call>'


def read(text: str, size: int, parallel: bool = True) -> tuple[str, str, list[tuple[str, str]]]:
    """What came out as text on the way, at the end, and the calls; `size` characters at a time."""
    reading = Reading(TOOLS, parallel)
    told = "".join(reading.add(text[place : place + size]) for place in range(0, len(text), size))
    rest, calls = reading.end()
    return told, rest, [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_marked_calls(size: int) -> None:
    assert read(HERMES, size) == ("", "", [("weather", '{"city": "杭州"}')])
    two = f'Let me see.\n{HERMES}\n<tool_call>\n{{"name": "time", "arguments": {{}}}}\n</tool_call>'
    told, rest, calls = read(two, size)
    assert (told.strip(), rest, [name for name, _ in calls]) == ("Let me see.", "", ["weather", "time"])
    assert [name for name, _ in read(two, size, parallel=False)[2]] == ["weather"]


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(
    "text",
    ['{"name": "weather", "parameters": {"city": "Rome"}}', '[{"name": "weather", "arguments": {"city": "Rome"}}]'],
)
def test_bare_calls(text: str, size: int) -> None:
    assert read(text, size) == ("", "", [("weather", '{"city": "Rome"}')])


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "a < b <tool", "  plain words", '{"name": "unknown", "arguments": {}}', "<tool_call>\nno JSON\n</tool_call>",
        "{not json", "",
    ],
)  # fmt: skip
def test_what_is_no_call_stays_text(text: str, size: int) -> None:
    told, rest, calls = read(text, size)
    assert (told + rest, calls) == (text, [])


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("choice", ["required", "weather"])
def test_the_form_of_a_demanded_call_is_read_back_as_one(marked: bool, choice: str) -> None:
    from tests.tiny import byte_tokenizer

    from tuneloop.models.constraint import Vocabulary

    form = Constraint.lark(grammar(TOOLS, choice, True, marked), "the call")
    following = Vocabulary(byte_tokenizer(), 259, frozenset({2})).follow(form)
    key = "arguments" if marked else "parameters"
    body = json.dumps({"name": "weather", key: {"city": "Rome"}})
    text = f"<tool_call>\n{body}\n</tool_call>" if marked else body
    for token in byte_tokenizer().encode(text):
        assert following.allowed()[token], text
        following.take(token)
    assert following.allowed()[2]
    assert read(text, 5)[2] == [("weather", '{"city": "Rome"}')]
