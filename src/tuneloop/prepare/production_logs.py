"""One row of a production log → what was said, by whom, and what was thought of it.

    OpenAI-style log   {"request": {"messages": […], "user": …, "tools": …}, "response": {"choices": [{"message": …}]}};
                       both may lie in `body`, as in batch files
    Langfuse trace     {"input": …, "output": …, "userId": …, "sessionId": …, "tags": […], "scores": […]}; input is a
                       text, messages or {"messages": …}, output a text, a message or a whole response, as JSON or as
                       JSON in a text (CSV)
    plain chat         {"messages": […]} or {"question": …, "answer": …}

Beside them: `tags`, `thumb` (`feedback`, `rating`: up or down), `user` (`user_id`), `conversation_id` (`session_id`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.calls import read_tools
from tuneloop.prepare.order import check_order
from tuneloop.prepare.turns import read_turns
from tuneloop.records import Record

USERS = ("user", "user_id", "userId", "subject", "customer_id")
GROUPS = ("conversation_id", "session_id", "sessionId", "thread_id", "group")
THUMBS = ("thumb", "thumbs", "feedback", "rating")
QUESTIONS, ANSWERS = (
    ("question", "prompt", "query", "问题", "提问"),
    ("answer", "response", "completion", "回答", "回复"),
)
UP = frozenset(("up", "1", "1.0", "true", "like", "good", "positive", "👍", "赞", "好评"))
DOWN = frozenset(("down", "-1", "-1.0", "0", "0.0", "false", "dislike", "bad", "negative", "👎", "踩", "差评"))


@dataclass(frozen=True)
class Talk:
    """`group` and `subject` are as the log has them: the gate keeps keyed hashes of both."""

    record: Record
    group: str | None
    subject: str | None
    tags: tuple[str, ...]
    thumb: str | None


def talk_of(row: Mapping[str, Any]) -> Talk:
    """Raises `InputError` with what was found and where, for a row that is none of these or ends without an answer."""
    if "request" in row and not isinstance(row["request"], str):
        messages, tools, beside = _of_exchange(row)
    elif "messages" in row:
        messages, tools, beside = _parsed(row["messages"]), row, row
    elif "input" in row and "output" in row:
        messages, tools, beside = _of_trace(row)
    else:
        question, answer = _first(row, QUESTIONS), _first(row, ANSWERS)
        if question is None or answer is None:
            raise InputError(
                f"found the fields {', '.join(map(str, list(row)[:8])) or '(none)'}",
                expected="request and response, input and output, messages, or question and answer",
            )
        messages, tools, beside = [_said("user", question), _said("assistant", answer)], row, row
    turns = read_turns(messages, "messages")
    check_order(turns, "messages")
    if turns[-1].role != "assistant":
        raise InputError(
            f"the last message is of the role {turns[-1].role}", expected="an answer", where=Where(field="messages")
        )
    record = Record("chat", messages=turns, tools=read_tools(tools))
    user = _first(beside, USERS) or _first(row, USERS)
    return Talk(record, _first(row, GROUPS), user, _tags(row), _thumb(row))


def _of_exchange(row: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any], Mapping[str, Any]]:
    request, response = _inner(row["request"], "request"), row.get("response")
    if response is None:
        raise InputError("found no response", expected="the answer to the request", where=Where(field="response"))
    asked = _parsed(request.get("messages"))
    if not isinstance(asked, list):
        raise InputError("found no messages", expected="a list of messages", where=Where(field="request.messages"))
    return [*asked, _answer(response, "response")], request, request


def _of_trace(row: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any], Mapping[str, Any]]:
    asked: Any = _parsed(row["input"])
    tools: Mapping[str, Any] = {}
    if isinstance(asked, Mapping):
        tools = asked
        asked = asked.get("messages") or _first(asked, (*QUESTIONS, "input", "content"))
    if isinstance(asked, str):
        asked = [_said("user", asked)]
    if not isinstance(asked, list):
        raise InputError("found no question", expected="a text or messages", where=Where(field="input"))
    return [*asked, _answer(row["output"], "output")], tools, row


def _answer(given: Any, field: str) -> Any:
    """The assistant's message of a text, a message, or a whole response."""
    found = _parsed(given)
    if isinstance(found, list) and found:
        found = found[-1]
    if isinstance(found, Mapping) and isinstance(found.get("body"), Mapping):
        found = found["body"]
    if isinstance(found, Mapping) and isinstance(found.get("choices"), list) and found["choices"]:
        choice = found["choices"][0]
        found = choice.get("message", choice.get("text")) if isinstance(choice, Mapping) else choice
    if isinstance(found, Mapping) and "role" not in found:
        found = _first(found, ("content", "text", *ANSWERS, "output")) or found
    if isinstance(found, str) and found.strip():
        return _said("assistant", found)
    if isinstance(found, Mapping) and "role" in found:
        return {name: value for name, value in found.items() if name in KEPT and value is not None}
    raise InputError("found no answer", expected="a text, a message or choices", where=Where(field=field))


KEPT = ("role", "content", "name", "tool_calls", "reasoning", "reasoning_content")


def _inner(value: Any, field: str) -> Mapping[str, Any]:
    found = _parsed(value)
    if isinstance(found, Mapping) and isinstance(found.get("body"), Mapping):
        found = found["body"]
    if not isinstance(found, Mapping):
        raise InputError(f"found {type(found).__name__}", expected="an object", where=Where(field=field))
    return found


def _parsed(value: Any) -> Any:
    """JSON that stands in a text, as in CSV; another text as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    found = next((row[name] for name in names if row.get(name) not in (None, "")), None)
    return None if found is None or isinstance(found, list | Mapping) else str(found)


def _tags(row: Mapping[str, Any]) -> tuple[str, ...]:
    given = _parsed(row.get("tags"))
    if isinstance(given, Mapping):
        given = [f"{name}={value}" for name, value in given.items()]
    if isinstance(given, str):
        given = given.split(",")
    names = [" ".join(str(one).split())[:128] for one in given] if isinstance(given, list) else []
    return tuple(dict.fromkeys(name for name in names if name))


def _thumb(row: Mapping[str, Any]) -> str | None:
    given = [row[name] for name in THUMBS if row.get(name) not in (None, "")]
    scores = _parsed(row.get("scores"))
    if isinstance(scores, list):
        given += [one.get("value") for one in scores if isinstance(one, Mapping) and "feedback" in str(one.get("name"))]
    for one in given:
        said = str(one).strip().lower()
        if said in UP or said in DOWN:
            return "up" if said in UP else "down"
    return None
