"""The record: one unit of data, identified by its content and never changed in place.

    kind        payload fields (absent ones are left out of the canonical form)
    text        text                                    continued pre-training
    chat        messages, tools                         instruction and dialogue (an instruction is a chat of one turn)
    preference  messages, chosen, rejected, tools       reward model, DPO
    rating      messages, label (true or false), tools  KTO; the last messages are the rated answer
    label       text or messages, label (a class name)  classification

Where a record came from is not part of it (`Origin`), nor are tags, labels by people and edits: those are rows keyed by
the record's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from tuneloop.errors import InputError, Where, nearest
from tuneloop.records.canonical import canonical, canonical_texts

Kind = Literal["text", "chat", "preference", "rating", "label"]
Role = Literal["system", "developer", "user", "assistant", "tool"]
Json = Any
"""Plain JSON data: dict with string keys, list, str, int, float, bool or None."""

SCHEME = "r1:"
ROLES: tuple[str, ...] = get_args(Role)
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Part:
    """A piece of a message's content: a text, or an image by the address of its blob."""

    type: Literal["text", "image"]
    text: str | None = None
    blob: str | None = None

    def payload(self) -> dict[str, Json]:
        return {"type": self.type, **({"text": self.text} if self.type == "text" else {"blob": self.blob})}


@dataclass(frozen=True)
class Turn:
    """One message of a conversation.

    `weight` 0 keeps an assistant's turn out of the loss, None or 1 trains on it; `reasoning` is thought text that
    precedes the answer; `tool_calls` are in OpenAI's shape with `arguments` as the string that was given.
    """

    role: Role
    content: str | tuple[Part, ...] = ""
    name: str | None = None
    weight: float | None = None
    tool_calls: tuple[Json, ...] = ()
    tool_call_id: str | None = None
    reasoning: str | None = None

    @property
    def text(self) -> str:
        """The text of the content, image parts left out."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text or "" for part in self.content)

    def payload(self) -> dict[str, Json]:
        content = self.content if isinstance(self.content, str) else [part.payload() for part in self.content]
        return {"role": self.role, "content": content} | _present(
            name=self.name,
            weight=self.weight,
            tool_calls=list(self.tool_calls) or None,
            tool_call_id=self.tool_call_id,
            reasoning=self.reasoning,
        )


@dataclass(frozen=True)
class Record:
    kind: Kind
    text: str | None = None
    messages: tuple[Turn, ...] = ()
    chosen: tuple[Turn, ...] = ()
    rejected: tuple[Turn, ...] = ()
    label: str | bool | None = None
    tools: tuple[Json, ...] = ()

    def payload(self) -> dict[str, Json]:
        """Plain JSON data without absent fields: what is stored, and what the id is made of."""
        return {"kind": self.kind} | _present(
            text=self.text,
            messages=_payloads(self.messages),
            chosen=_payloads(self.chosen),
            rejected=_payloads(self.rejected),
            label=self.label,
            tools=list(self.tools) or None,
        )

    @cached_property
    def canonical(self) -> bytes:
        return (canonical_texts if self._is_all_text else canonical)(self.payload())

    @property
    def _is_all_text(self) -> bool:
        """No number anywhere: no tools, calls or weights, which only few records have."""
        if self.tools or not (self.label is None or isinstance(self.label, str | bool)):
            return False
        return all(turn.weight is None and not turn.tool_calls for turn in self.turns())

    @cached_property
    def id(self) -> str:
        """`r1:` and the SHA-256 (hex) of the canonical payload."""
        return SCHEME + hashlib.sha256(self.canonical).hexdigest()

    def turns(self) -> Iterable[Turn]:
        """All turns in reading order: the shared ones, then the chosen, then the rejected."""
        yield from self.messages
        yield from self.chosen
        yield from self.rejected

    @property
    def full_text(self) -> str:
        """All that a reader would see, one line per turn: for length, language and similarity."""
        if self.text is not None:
            return self.text
        return "\n".join(turn.text for turn in self.turns())

    @classmethod
    def from_payload(cls, data: Mapping[str, Json], where: Where | None = None) -> Record:
        """The record of a payload; unknown keys and wrong types raise `InputError` at `where`."""
        kind = data.get("kind")
        if kind not in KINDS:
            raise InputError(f"found kind {kind!r}", expected=f"one of {', '.join(KINDS)}", where=where)
        _known(data, {"kind", "text", "messages", "chosen", "rejected", "label", "tools"}, where)
        return cls(
            kind=kind,
            text=_typed(data, "text", str, where),
            messages=_turns(data, "messages", where),
            chosen=_turns(data, "chosen", where),
            rejected=_turns(data, "rejected", where),
            label=data.get("label"),
            tools=tuple(_typed(data, "tools", list, where) or ()),
        )


def turn_from_payload(data: Any, where: Where | None = None) -> Turn:
    """One turn from plain data in our payload's shape (importers map other shapes to it)."""
    if not isinstance(data, Mapping):
        raise InputError(f"found a {type(data).__name__}", expected="a message with role and content", where=where)
    role = data.get("role")
    if role not in ROLES:
        raise InputError(f"found role {role!r}", expected=f"one of {', '.join(ROLES)}", where=where)
    _known(data, {"role", "content", "name", "weight", "tool_calls", "tool_call_id", "reasoning"}, where)
    content = data.get("content")
    if isinstance(content, list | tuple):
        content = tuple(Part(part["type"], part.get("text"), part.get("blob")) for part in content)
    elif content is None:
        content = ""
    elif not isinstance(content, str):
        raise InputError(f"found a {type(content).__name__} as content", expected="a text", where=where)
    return Turn(
        role=role,
        content=content,
        name=_typed(data, "name", str, where),
        weight=_typed(data, "weight", (int, float), where),
        tool_calls=tuple(_typed(data, "tool_calls", list, where) or ()),
        tool_call_id=_typed(data, "tool_call_id", str, where),
        reasoning=_typed(data, "reasoning", str, where),
    )


def _present(**fields: Json) -> dict[str, Json]:
    return {key: value for key, value in fields.items() if value is not None}


def _payloads(turns: tuple[Turn, ...]) -> list[Json] | None:
    return [turn.payload() for turn in turns] or None


def _turns(data: Mapping[str, Json], key: str, where: Where | None) -> tuple[Turn, ...]:
    return tuple(turn_from_payload(turn, where) for turn in _typed(data, key, list, where) or ())


def _typed(data: Mapping[str, Json], key: str, kind: Any, where: Where | None) -> Any:
    value = data.get(key)
    if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
    raise InputError(f"found {value!r} as {key}", expected=f"a {names}", where=where)


def _known(data: Mapping[str, Json], known: set[str], where: Where | None) -> None:
    for key in data:
        if key not in known:
            hint = nearest(str(key), known)
            raise InputError(f"unknown key {key!r}", where=where, do=hint[0].upper() + hint[1:])
