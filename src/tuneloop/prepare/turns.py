"""From a list of messages, however it names things, to turns that a model can be trained on.

Read are OpenAI's messages (tools and their legacy functions), ShareGPT's from/value pairs, and transcripts with a
speaker and a text.  `read_turns` checks each message, `check_order` the conversation as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.errors import InputError, Where, nearest
from tuneloop.records import Record, Role, Turn
from tuneloop.wording import Words

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("user", "human", "usr", "customer", "client", "visitor", "用户", "客户", "顾客", "问"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "model", "agent", "sys", "chatgpt", "助手", "客服", "机器人", "答"), "assistant"
    ),
    **dict.fromkeys(("system", "系统"), "system"),
    "developer": "developer",
    **dict.fromkeys(("tool", "function", "observation", "ipython", "function_response", "工具"), "tool"),
}
"""Names of roles in the wild, in small letters; `function_call` is an assistant that calls a tool."""

CALLS = ("function_call", "tool_call")
_ROLE_KEYS = ("role", "from", "speaker", "sender", "author")
_CONTENT_KEYS = ("content", "value", "text", "utterance", "message")

NO_ANSWER = Words("no assistant turn", "没有助手回答")


def read_turns(value: Any, field: str) -> tuple[Turn, ...]:
    """The turns of a list of messages; a JSON text of such a list is read too.

    Raises `InputError` with the field, such as `messages[2].role`.
    """
    if isinstance(value, str):
        value = _from_text(value, field, "a list of messages")
    if not isinstance(value, list | tuple):
        raise InputError(f"found {shown(value)}", expected="a list of messages", where=Where(field=field))
    if not value:
        raise InputError(
            "the conversation is empty",
            expected="at least one message of a user and one of the assistant",
            where=Where(field=field),
        )
    turns: list[Turn] = []
    for number, message in enumerate(value):
        place = f"{field}[{number}]"
        if not isinstance(message, Mapping):
            raise InputError(
                f"found {shown(message)}", expected="a message with role and content", where=Where(field=place)
            )
        turns.append(_turn(message, place, turns))
    return tuple(turns)


def _turn(message: Mapping[str, Any], place: str, before: Sequence[Turn]) -> Turn:
    role_key = next((key for key in _ROLE_KEYS if key in message), None)
    if role_key is None:
        raise InputError(
            f"a message with the fields {', '.join(map(repr, message))} has no role",
            expected="'role' and 'content' (or 'from' and 'value')",
            where=Where(field=place),
        )
    name = message[role_key]
    folded = name.strip().lower() if isinstance(name, str) else ""
    content_key = next((key for key in _CONTENT_KEYS if key in message), None)
    content = _content(message.get(content_key) if content_key else None, f"{place}.{content_key}")
    if folded in CALLS:
        return Turn("assistant", tool_calls=_calls_of_text(content, f"{place}.{content_key}", before))
    role = ROLES.get(folded)
    if role is None:
        hint = nearest(folded, ["system", "user", "assistant", "tool", "human", "gpt"]) if folded else ""
        raise InputError(
            f"found the role {shown(name)}",
            expected="system, user, assistant or tool",
            where=Where(field=f"{place}.{role_key}"),
            do=hint[:1].upper() + hint[1:],
        )
    calls = _calls(message, place, before) if role == "assistant" else ()
    reasoning = message.get("reasoning_content") or message.get("reasoning") or message.get("thinking")
    if content is None and not calls and not (role == "assistant" and reasoning):
        raise InputError(f"the message of the {role} has no content", expected="a text", where=Where(field=place))
    return Turn(
        role,
        content or "",
        name=_text_or_none(message.get("name"), f"{place}.name") if role != "tool" or folded != "function" else None,
        weight=_weight(message, place),
        tool_calls=calls,
        tool_call_id=_answered(message, before) if role == "tool" else None,
        reasoning=_text_or_none(reasoning, f"{place}.reasoning"),
    )


def _content(value: Any, field: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, Mapping) for part in value):
        texts = []
        for part in value:
            if part.get("type", "text") not in ("text", "input_text", "output_text") or not isinstance(
                part.get("text"), str
            ):
                raise InputError(
                    f"found a part of the type {shown(part.get('type'))}",
                    expected="parts of text",
                    where=Where(field=field),
                    do="Pictures and sounds cannot be trained on yet: remove the part",
                )
            texts.append(part["text"])
        return "".join(texts)
    raise InputError(f"found {shown(value)}", expected="a text", where=Where(field=field))


def _weight(message: Mapping[str, Any], place: str) -> float | None:
    """OpenAI's `weight` (0 or 1); `loss` and `train` (true or false) say the same elsewhere."""
    for key in ("weight", "loss", "train"):
        value = message.get(key)
        if value is None:
            continue
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(
                f"found {shown(value)}", expected="a number from 0 to 1", where=Where(field=f"{place}.{key}")
            )
        return None if value == 1 else float(value)
    return None


def _calls(message: Mapping[str, Any], place: str, before: Sequence[Turn]) -> tuple[Any, ...]:
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


def _calls_of_text(content: str | None, field: str, before: Sequence[Turn]) -> tuple[Any, ...]:
    """ShareGPT writes a call as JSON text: `{"name": …, "arguments": {…}}`, or a list of such."""
    value = _from_text(content or "", field, "a call as JSON, with name and arguments")
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


def _answered(message: Mapping[str, Any], before: Sequence[Turn]) -> str | None:
    """The id of the call that a tool's message answers: its own, else that of the next unanswered call."""
    given = message.get("tool_call_id")
    if isinstance(given, str) and given:
        return given
    answered = {turn.tool_call_id for turn in before if turn.role == "tool"}
    open_calls = [call["id"] for turn in before for call in turn.tool_calls if call["id"] not in answered]
    return open_calls[0] if open_calls else None


def check_order(turns: Sequence[Turn], field: str) -> None:
    """A conversation as training needs it; raises `InputError`.

    System messages come first; tools answer calls; nobody speaks twice in a row; the assistant says something.
    """
    if not any(turn.role == "assistant" for turn in turns):
        roles = sorted({turn.role for turn in turns})
        if roles in (["system"], ["developer"]):
            raise InputError(
                "found only a system message",
                expected="at least one message of a user and one of the assistant",
                where=Where(field=field),
                do="Add the question and the answer that belong to it",
            )
        raise InputError(
            "found no turn of the assistant",
            expected="at least one: it is what the model learns",
            where=Where(field=field),
            do="Add the answer, or remove the record",
        )
    for number, turn in enumerate(turns):
        previous = turns[number - 1] if number else None
        fault = _fault(turn, previous)
        if fault:
            raise InputError(
                f"the roles are out of order: {fault}",
                where=Where(field=f"{field}[{number}]"),
                expected="system first, then user and assistant in turn, tools after calls",
            )


def _fault(turn: Turn, previous: Turn | None) -> str:
    before = previous.role if previous else None
    if turn.role in ("system", "developer"):
        return "" if before in (None, "system", "developer") else f"{turn.role} after {before}"
    if turn.role == "tool":
        asked = before == "tool" or (previous is not None and bool(previous.tool_calls))
        return "" if asked else f"tool after {before or 'nothing'}, without a call"
    if turn.role == before and not (turn.role == "assistant" and turn.tool_calls):
        return f"{turn.role} after {before}"
    return ""


def join_same(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Messages that one speaker wrote in a row become one, with a line break between: service logs are full of them."""
    made: list[Turn] = []
    for turn in turns:
        last = made[-1] if made else None
        plain = last is not None and not last.tool_calls and not turn.tool_calls and turn.role in ("user", "assistant")
        if last is not None and plain and last.role == turn.role and last.weight == turn.weight:
            made[-1] = Turn(turn.role, f"{last.text}\n{turn.text}", last.name, last.weight, reasoning=last.reasoning)
        else:
            made.append(turn)
    return tuple(made)


def read_tools(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The tools of a row: OpenAI's list, bare functions, or either as JSON text; absent or empty: none."""
    field = next((name for name in ("tools", "functions") if values.get(name)), None)
    if field is None:
        return ()
    value = values[field]
    if isinstance(value, str):
        value = _from_text(value, field, "a list of tools") if value.strip() else []
    if not isinstance(value, list) or not all(isinstance(tool, Mapping) for tool in value):
        raise InputError(f"found {shown(value)}", expected="a list of tools", where=Where(field=field))
    return tuple(tool if "function" in tool else {"type": "function", "function": dict(tool)} for tool in value)


def instruction(question: str, answer: str, system: str | None = None) -> Record:
    """The record of one question and one answer."""
    first = (Turn("system", system),) if system and system.strip() else ()
    return Record("chat", messages=(*first, Turn("user", question), Turn("assistant", answer)))


def text_of(values: Mapping[str, Any], field: str) -> str:
    """A field that must be a text; numbers are written out, as tables hold them."""
    value = values.get(field)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"found {shown(value)}", expected="a text", where=Where(field=field))


def optional_text(values: Mapping[str, Any], field: str) -> str | None:
    return text_of(values, field) if values.get(field) not in (None, "") else None


def _text_or_none(value: Any, field: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise InputError(f"found {shown(value)}", expected="a text", where=Where(field=field))


def _from_text(text: str, field: str, expected: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"found the text {shown(text)}", expected=expected, where=Where(field=field)) from None


def shown(value: Any) -> str:
    """A value as a sentence quotes it, at most 60 characters."""
    kinds = {dict: "an object", list: "a list"}
    if isinstance(value, dict | list):
        return f"{kinds[type(value)]} of {len(value)}"
    written = "null" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= 60 else written[:57] + "…" + ('"' if isinstance(value, str) else "")
