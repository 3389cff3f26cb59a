"""Records: identity by content only, and a payload that reads back to the same record."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneloop.errors import InputError, Where
from tuneloop.records import KINDS, Part, Record, Role, Turn

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
parts = st.builds(Part, st.just("text"), text=texts) | st.builds(Part, st.just("image"), blob=texts)
objects = st.dictionaries(texts, texts | st.integers() | st.booleans(), max_size=3)
turns = st.builds(
    Turn,
    role=st.sampled_from(get_args(Role)),
    content=texts | st.lists(parts, max_size=3).map(tuple),
    name=st.none() | texts,
    weight=st.none() | st.integers(0, 1) | st.floats(0, 1),
    tool_calls=st.lists(objects, max_size=2).map(tuple),
    tool_call_id=st.none() | texts,
    reasoning=st.none() | texts,
)
some_turns = st.lists(turns, max_size=3).map(tuple)
records = st.builds(
    Record,
    kind=st.sampled_from(KINDS),
    text=st.none() | texts,
    messages=some_turns,
    chosen=some_turns,
    rejected=some_turns,
    label=st.none() | st.booleans() | texts,
    tools=st.lists(objects, max_size=2).map(tuple),
)


@given(records)
def test_a_record_reads_back_from_its_canonical_form(record: Record) -> None:
    copy = Record.from_payload(json.loads(record.canonical))
    assert copy == record
    assert copy.id == record.id


@given(records, records)
def test_ids_are_equal_exactly_when_payloads_are(one: Record, other: Record) -> None:
    assert (one.id == other.id) == (one.payload() == other.payload())


def test_an_id_is_stable_over_releases() -> None:
    record = Record("chat", messages=(Turn("user", "猫叫什么？"), Turn("assistant", "年糕。")))
    assert record.canonical.decode() == (
        '{"kind":"chat","messages":[{"content":"猫叫什么？","role":"user"},{"content":"年糕。","role":"assistant"}]}'
    )
    assert record.id == "r1:6edfa0c4c8bbfcfc2321937482226f7e947635b55a0cfb5a062e65210f72855c"


def test_what_a_reader_sees() -> None:
    record = Record(
        "preference",
        messages=(Turn("user", (Part("text", "Look: "), Part("image", blob="sha256:0"), Part("text", "what?"))),),
        chosen=(Turn("assistant", "A cat."),),
        rejected=(Turn("assistant", "A dog."),),
    )
    assert record.full_text == "Look: what?\nA cat.\nA dog."
    assert Record("text", text="Once").full_text == "Once"


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({"kind": "chatt"}, "found kind 'chatt'; expected one of text, chat"),
        ({"kind": "text", "txt": "a"}, "unknown key 'txt'. Did you mean 'text'?"),
        ({"kind": "text", "text": 5}, "found 5 as text; expected a str"),
        ({"kind": "chat", "messages": {}}, "found {} as messages; expected a list"),
        ({"kind": "chat", "messages": ["hi"]}, "found a str; expected a message with role and content"),
        ({"kind": "chat", "messages": [{"role": "bot"}]}, "found role 'bot'; expected one of system"),
        ({"kind": "chat", "messages": [{"role": "user", "content": 5}]}, "found a int as content; expected a text"),
        ({"kind": "chat", "messages": [{"role": "user", "weight": True}]}, "found True as weight"),
        ({"kind": "chat", "messages": [{"role": "user", "text": "a"}]}, "unknown key 'text'"),
    ],
)
def test_a_wrong_payload_is_refused_with_its_place(payload: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        Record.from_payload(payload, Where("a.jsonl", line=7))
    assert str(error.value).startswith(f"a.jsonl, line 7: {sentence}")
