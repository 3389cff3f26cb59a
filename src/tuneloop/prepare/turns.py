"""From a list of messages, however it names things, to turns that a model can be trained on.

Read are OpenAI's messages (tools and their legacy functions), ShareGPT's from/value pairs, ms-swift's roles `tool_call`
and `tool_response`, and transcripts with a speaker and a text.  `read_turns` checks each message, `check_order` the
conversation as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tuneloop.errors import InputError, Where, nearest
from tuneloop.prepare.calls import answered, calls_of, calls_of_text
from tuneloop.prepare.values import from_text, shown, text_or_none
from tuneloop.records import Record, Role, Turn

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("user", "human", "usr", "customer", "client", "visitor", "用户", "客户", "顾客", "问"), "user"),
    **dict.fromkeys(("用戶", "客戶", "顧客", "問"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "model", "agent", "sys", "chatgpt", "助手", "客服", "机器人", "機器人", "答"),
        "assistant",
    ),
    **dict.fromkeys(("system", "系统", "系統"), "system"),
    "developer": "developer",
    **dict.fromkeys(("tool", "function", "observation", "ipython", "function_response", "工具"), "tool"),
    **dict.fromkeys(("tool_response", "tool_result"), "tool"),
}
"""Names of roles in the wild, in small letters; `function_call` is an assistant that calls a tool."""

CALLS = ("function_call", "tool_call")
_ROLE_KEYS = ("role", "from", "speaker", "sender", "author")
_CONTENT_KEYS = ("content", "value", "text", "utterance", "message")


def read_turns(value: Any, field: str) -> tuple[Turn, ...]:
    """The turns of a list of messages; a JSON text of such a list is read too.

    Raises `InputError` with the field, such as `messages[2].role`.
    """
    if isinstance(value, str):
        value = from_text(value, field, "a list of messages")
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
        turn = _turn(message, place, turns)
        if number and _is_call(message) and _is_call(value[number - 1]):
            turns[-1] = replace(turns[-1], tool_calls=(*turns[-1].tool_calls, *turn.tool_calls))
        else:
            turns.append(turn)
    return tuple(turns)


def _is_call(message: Mapping[str, Any]) -> bool:
    """Is the message a call by its role?  Several in a row are calls made at once, one turn as OpenAI writes them."""
    role = next((message[key] for key in _ROLE_KEYS if key in message), None)
    return isinstance(role, str) and role.strip().lower() in CALLS


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
        return Turn("assistant", tool_calls=calls_of_text(content, f"{place}.{content_key}", before))
    role = ROLES.get(folded)
    if role is None:
        hint = nearest(folded, ["system", "user", "assistant", "tool", "human", "gpt"]) if folded else ""
        raise InputError(
            f"found the role {shown(name)}",
            expected="system, user, assistant or tool",
            where=Where(field=f"{place}.{role_key}"),
            do=hint[:1].upper() + hint[1:],
        )
    calls = calls_of(message, place, before) if role == "assistant" else ()
    reasoning = message.get("reasoning_content") or message.get("reasoning") or message.get("thinking")
    if content is None and not calls and not (role == "assistant" and reasoning):
        raise InputError(f"the message of the {role} has no content", expected="a text", where=Where(field=place))
    return Turn(
        role,
        content or "",
        name=text_or_none(message.get("name"), f"{place}.name") if role != "tool" or folded != "function" else None,
        weight=_weight(message, place),
        tool_calls=calls,
        tool_call_id=answered(message, before) if role == "tool" else None,
        reasoning=text_or_none(reasoning, f"{place}.reasoning"),
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


def instruction(question: str, answer: str, system: str | None = None, reasoning: str | None = None) -> Record:
    """The record of one question and one answer; `reasoning` is what was thought before the answer."""
    first = (Turn("system", system),) if system and system.strip() else ()
    return Record("chat", messages=(*first, Turn("user", question), Turn("assistant", answer, reasoning=reasoning)))


def history_turns(value: Any, field: str = "history") -> tuple[Turn, ...]:
    """Earlier turns as Alpaca rows have them, `[[question, answer], …]`; absent or empty: none."""
    if value in (None, "", []):
        return ()
    if not isinstance(value, list) or not all(_is_pair(pair) for pair in value):
        raise InputError(
            f"found {shown(value)}", expected="a list of [question, answer] pairs", where=Where(field=field)
        )
    return tuple(turn for asked, said in value for turn in (Turn("user", asked), Turn("assistant", said)))


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
