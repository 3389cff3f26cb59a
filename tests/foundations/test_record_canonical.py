"""A record's canonical bytes are the same whichever encoder writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneloop.errors import InputError
from tuneloop.records import Part, Record, Turn
from tuneloop.records.canonical import canonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
TURNS = st.builds(
    Turn, st.sampled_from(["user", "assistant"]), TEXTS, name=st.none() | TEXTS, reasoning=st.none() | TEXTS
)


@given(messages=st.lists(TURNS, max_size=4), label=st.none() | st.booleans() | TEXTS, text=st.none() | TEXTS)
def test_records_of_text_alone(messages, label, text):
    record = Record("chat", messages=tuple(messages), label=label, text=text)
    assert record._is_all_text
    assert record.canonical == canonical(record.payload())


@pytest.mark.parametrize(
    "turn",
    [
        Turn("assistant", "a", weight=0.5),
        Turn("assistant", tool_calls=({"id": "1", "function": {"name": "f", "arguments": "{}", "t": 1e-7}},)),
    ],
)
def test_records_with_numbers_take_the_careful_way(turn):
    record = Record("chat", messages=(turn,))
    assert not record._is_all_text
    assert record.canonical == canonical(record.payload())


def test_parts_and_lone_surrogates():
    record = Record("chat", messages=(Turn("user", (Part("text", "看"), Part("image", blob="sha256:0"))),))
    assert record.canonical == canonical(record.payload())
    with pytest.raises(InputError, match="lone surrogate"):
        _ = Record("text", text="\ud800").canonical
