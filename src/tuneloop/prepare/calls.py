"""Calls of tools: OpenAI's, their legacy form, and ShareGPT's JSON texts, all as OpenAI writes them today."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.values import from_text, shown
from tuneloop.records import Turn


def calls_of(message: Mapping[str, Any], place: str, before: Sequence[Turn]) -> tuple[Any, ...]:
    """The calls of an assistant's message; those without an id are numbered through the conversation."""
    calls = message.get("tool_calls")
    legacy = message.get("function_call")
    if calls is None and legacy is not None:
        return (_call({"function": legacy}, f"{place}.function_call", _count(before)),)
    if calls is None:
        return ()
    if not isinstance(calls, list):
        raise InputError(f"found {shown(calls)}", expected="a list of calls", where=Where(field=f"{place}.tool_calls"))
    start = _count(before)
    return tuple(_call(call, f"{place}.tool_calls[{number}]", start + number) for number, call in enumerate(calls))


def calls_of_text(content: str | None, field: str, before: Sequence[Turn]) -> tuple[Any, ...]:
    """ShareGPT writes a call as JSON text: `{"name": …, "arguments": {…}}`, or a list of such."""
    value = from_text(content or "", field, "a call as JSON, with name and arguments")
    several = value if isinstance(value, list) else [value]
    start = _count(before)
    return tuple(_call({"function": one}, field, start + number) for number, one in enumerate(several))


def _call(call: Any, field: str, number: int) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str) or not function["name"]:
        raise InputError(
            f"found {shown(call)}", expected="a call with a function's name and arguments", where=Where(field=field)
        )
    arguments = function.get("arguments", "{}")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    identity = call.get("id") if isinstance(call.get("id"), str) else f"call_{number}"
    return {"id": identity, "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _count(before: Sequence[Turn]) -> int:
    return sum(len(turn.tool_calls) for turn in before)


def answered(message: Mapping[str, Any], before: Sequence[Turn]) -> str | None:
    """The id of the call that a tool's message answers: its own, else that of the next unanswered call."""
    given = message.get("tool_call_id")
    if isinstance(given, str) and given:
        return given
    done = {turn.tool_call_id for turn in before if turn.role == "tool"}
    open_calls = [call["id"] for turn in before for call in turn.tool_calls if call["id"] not in done]
    return open_calls[0] if open_calls else None


def read_tools(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The tools of a row: OpenAI's list, bare functions, or either as JSON text; absent or empty: none."""
    field = next((name for name in ("tools", "functions") if values.get(name)), None)
    if field is None:
        return ()
    value = values[field]
    if isinstance(value, str):
        value = from_text(value, field, "a list of tools") if value.strip() else []
    if not isinstance(value, list) or not all(isinstance(tool, Mapping) for tool in value):
        raise InputError(f"found {shown(value)}", expected="a list of tools", where=Where(field=field))
    return tuple(tool if "function" in tool else {"type": "function", "function": dict(tool)} for tool in value)
