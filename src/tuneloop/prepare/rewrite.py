"""The same record with other texts: one function applied to everything that a person wrote.

Those are the text, the contents, the reasoning and the speakers' names of all turns, and the strings inside the
arguments of tool calls, which are JSON in a string.  Labels, tools' definitions and blobs stay.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

from tuneloop.records import Json, Part, Record, Turn

Change = Callable[[str], str]


def rewrite(record: Record, change: Change, *, numbers: bool = False) -> Record:
    """The record with `change` applied; the same object when nothing changed.

    With `numbers`, numbers in tool arguments are put before `change` too; one that changes becomes a string.
    """
    text = None if record.text is None else change(record.text)
    sides = [
        tuple(_turn(turn, change, numbers) for turn in turns)
        for turns in (record.messages, record.chosen, record.rejected)
    ]
    if (text, *sides) == (record.text, record.messages, record.chosen, record.rejected):
        return record
    return dataclasses.replace(record, text=text, messages=sides[0], chosen=sides[1], rejected=sides[2])


def _turn(turn: Turn, change: Change, numbers: bool) -> Turn:
    given = turn.content
    content = change(given) if isinstance(given, str) else tuple(_part(part, change) for part in given)
    if content == given and turn.name is None and turn.reasoning is None and not turn.tool_calls:
        return turn  # most turns, and making a new one takes as long as looking at it
    return dataclasses.replace(
        turn,
        content=content,
        name=None if turn.name is None else change(turn.name),
        reasoning=None if turn.reasoning is None else change(turn.reasoning),
        tool_calls=tuple(_call(call, change, numbers) for call in turn.tool_calls),
    )


def _part(part: Part, change: Change) -> Part:
    return part if part.text is None else dataclasses.replace(part, text=change(part.text))


def _call(call: Json, change: Change, numbers: bool) -> Json:
    function = call.get("function") if isinstance(call, dict) else None
    if isinstance(function, dict) and isinstance(given := function.get("arguments"), str):
        return {**call, "function": {**function, "arguments": _arguments(given, change, numbers)}}
    return call


def _arguments(given: str, change: Change, numbers: bool) -> str:
    """Changed inside the JSON; as it was given when nothing changes, and as plain text when it is no JSON."""
    try:
        value = json.loads(given)
    except ValueError:
        return change(given)
    changed = _inside(value, change, numbers)
    return given if changed == value else json.dumps(changed, ensure_ascii=False)


def _inside(value: Json, change: Change, numbers: bool) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_inside(item, change, numbers) for item in value]
    if isinstance(value, dict):
        return {key: _inside(item, change, numbers) for key, item in value.items()}
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        written = str(value)
        changed = change(written)
        return value if changed == written else changed
    return value
