"""Calls of tools: from what a model writes back to the protocol's shape, and the form that a demanded call must have.

    marked    <tool_call>{"name": …, "arguments": {…}}</tool_call>, as Qwen, Hermes and many others write it
    bare      the answer is the JSON itself, one call or a list: Llama ("parameters"), Mistral

What looks like a call and names none of the request's tools stays text.  Calls and results of earlier turns that a chat
template would leave out are refused.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tuneloop.models.templates import ChatTemplate
from tuneloop.records import Turn
from tuneloop.serve.asking import AskingError, Call

OPEN, CLOSE = "<tool_call>", "</tool_call>"
ARGUMENTS = ("arguments", "parameters")
CALLED, RESULT = "tuneloopcalled", "tuneloopresult"
"""Words that no template has of itself."""


class Reading:
    """One answer as it grows: text goes out as long as it cannot be the beginning of a call."""

    def __init__(self, tools: Sequence[Mapping[str, Any]], parallel: bool) -> None:
        self._names = {str(tool["function"]["name"]) for tool in tools}
        self._parallel = parallel
        self._held, self._told = "", False

    def add(self, text: str) -> str:
        """More of the answer; returns what is certainly text."""
        self._held += text
        if not self._told and self._held.lstrip()[:1] in ("{", "["):
            return ""
        place = self._held.find(OPEN)
        certain = place if place >= 0 else len(self._held) - _begun(self._held)
        if not self._told and not self._held[:certain].strip():
            return ""  # blanks before a call belong to it
        out, self._held = self._held[:certain], self._held[certain:]
        self._told = self._told or bool(out)
        return out

    def end(self) -> tuple[str, list[Call]]:
        """The answer is over: the rest of its text, and its calls."""
        calls = found(self._held, self._names)
        if not calls:
            return self._held, []
        return "", calls if self._parallel else calls[:1]


def found(text: str, names: set[str]) -> list[Call]:
    """The calls in a text that holds nothing else; none where anything in it is no call of a known tool."""
    pieces = [piece.partition(CLOSE)[0] for piece in text.split(OPEN)[1:]] if OPEN in text else [text]
    calls: list[Call] = []
    for piece in pieces:
        try:
            data = json.loads(piece)
        except ValueError:
            return []
        for one in data if isinstance(data, list) else [data]:
            call = _call(one, names)
            if call is None:
                return []
            calls.append(call)
    return calls


def grammar(tools: Sequence[Mapping[str, Any]], choice: str, parallel: bool, marked: bool) -> str:
    """Lark for an answer that must call: any tool (`required`) or the one named `choice`."""
    wanted = [tool["function"] for tool in tools if choice in ("required", tool["function"]["name"])]
    key = "arguments" if marked else "parameters"
    shapes = [
        {
            "type": "object",
            "properties": {
                "name": {"const": function["name"]},
                key: function.get("parameters") or {"type": "object"},
            },
            "required": ["name", key],
            "additionalProperties": False,
        }
        for function in wanted
    ]
    body = json.dumps(
        {"anyOf": shapes, "x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}
    )
    if not marked:
        return f"start: body\nbody: %json {body}\n"
    many = '("\\n" call)*' if parallel else ""
    return f'start: call {many}\ncall: "{OPEN}\\n" body "\\n{CLOSE}"\nbody: %json {body}\n'


def check_history(
    turns: Sequence[Turn], tools: Sequence[Any], template: ChatTemplate, variables: Mapping[str, Any]
) -> None:
    """Raise AskingError where a template writes none of the calls in a conversation, or none of what tools answered.

    Marks stand in their place in a rendering that is looked at and thrown away; only conversations with calls cost it.
    A template that writes some of them and leaves out older ones does so by its own rule, and passes.  Raises as
    `ChatTemplate.render`.
    """
    calls = [place for place, turn in enumerate(turns) if turn.tool_calls]
    results = [place for place, turn in enumerate(turns) if turn.role == "tool"]
    if not calls and not results:
        return
    text = template.render([_marked(turn) for turn in turns], tools, add_generation_prompt=True, **variables)
    for mark, places, field, what in (
        (CALLED, calls, "tool_calls", "calls of tools"),
        (RESULT, results, "role", "what tools answered"),
    ):
        if places and mark not in text:
            raise AskingError(
                f"the model's chat template leaves out {what}", code="unsupported_parameter",
                param=f"messages.{places[0]}.{field}", do="Leave them out, or ask a model whose template writes them",
            )  # fmt: skip


def _marked(turn: Turn) -> Turn:
    if turn.role == "tool":
        return replace(turn, content=RESULT)
    calls = tuple(
        {**call, "function": {**call["function"], "name": CALLED}}
        if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping)
        else call
        for call in turn.tool_calls
    )
    return replace(turn, tool_calls=calls)


def _call(one: Any, names: set[str]) -> Call | None:
    if not isinstance(one, dict):
        return None
    name = one.get("name")
    arguments: Any = next((one[key] for key in ARGUMENTS if key in one), {})
    if name not in names:
        return None
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return Call(f"call_{secrets.token_hex(12)}", str(name), written)


def _begun(text: str) -> int:
    """Characters at the end that may be the beginning of a mark."""
    for size in range(min(len(OPEN) - 1, len(text)), 0, -1):
        if text.endswith(OPEN[:size]):
            return size
    return 0
