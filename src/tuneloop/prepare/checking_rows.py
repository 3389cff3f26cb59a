"""One line of a fine-tuning file: which way of training it serves, and what is wrong with it for the others.

    supervised     {"messages": [… at least one of the assistant …], "tools"?, "functions"?, "parallel_tool_calls"?}
                   or {"prompt": …, "completion": …}
    dpo            {"input": {"messages": […]}, "preferred_output": […], "non_preferred_output": […]}
    reinforcement  {"messages": [… the last is the user's …], further fields that a grader reads as {{item.x}}}

The sentences are those of OpenAI's service where it has one, so that scripts which look for them go on working; beside
each stands, in both languages, what to do.  A line that passes is one that preparing accepts: the shapes decide last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from tuneloop.errors import InputError
from tuneloop.prepare.shapes.openai import Openai
from tuneloop.prepare.shapes.preference import Preference
from tuneloop.prepare.shapes.prompt_completion import PromptCompletion
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import shown
from tuneloop.records import Record
from tuneloop.wording import Words

Method = Literal["supervised", "dpo", "reinforcement"]
METHODS: tuple[Method, ...] = ("supervised", "dpo", "reinforcement")
T = TypeVar("T")
Format = Literal["chat", "completion", "text", "preference", "reinforcement", "unknown"]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
KEYS = frozenset(
    {"role", "content", "name", "tool_calls", "tool_call_id", "weight", "function_call", "refusal", "audio"}
    | {"reasoning", "reasoning_content", "thinking"}
)
"""Keys of a message that mean something here; another one is only warned of."""

FIXES: Mapping[str, Words] = {
    "data_type": Words("Write one JSON object on each line.", "每行写一个 JSON 对象。"),
    "missing_messages_list": Words(
        "Give the line a list `messages`, or `prompt` and `completion`.",
        "为该行提供 messages 列表，或 prompt 与 completion 两个字段。",
    ),
    "message_missing_key": Words("Give every message a `role` and a `content`.", "每条消息都要有 role 和 content。"),
    "unrecognized_role": Words(
        "Use one of the roles system, developer, user, assistant, tool.",
        "角色只能是 system、developer、user、assistant 或 tool。",
    ),
    "missing_content": Words(
        "Write the message's text into `content`; an assistant's call of a tool needs none.",
        "把消息文本写进 content；助手调用工具的消息可以没有文本。",
    ),
    "example_missing_assistant_message": Words(
        "Add the assistant's answer, which is what the model learns, or remove the line.",
        "补上助手的回答（模型学的就是它），或删除该行。",
    ),
    "invalid_weight": Words(
        "Write `weight` only on the assistant's messages, as 0 or 1.", "weight 只能写在助手消息上，取 0 或 1。"
    ),
    "missing_output": Words(
        "Give the line `input`, and a `preferred_output` and `non_preferred_output` of at least one message each.",
        "该行需要 input，以及各含至少一条消息的 preferred_output 和 non_preferred_output。",
    ),
    "last_message_not_user": Words(
        "Let the messages end with the user's: the model writes the answer itself, and the grader reads the other"
        " fields of the line.",
        "最后一条消息必须来自用户：回答由模型自己生成，评分器读取该行的其他字段。",
    ),
    "unusable": Words("Mend the line, or remove it.", "修改该行，或将其删除。"),
}


@dataclass(frozen=True)
class Fault:
    """`message` names the line and says what is wrong; `code` is one of `FIXES`."""

    code: str
    message: str

    @property
    def fix(self) -> Words:
        return FIXES[self.code]


@dataclass(frozen=True)
class Checked:
    """One line: its format, the record it makes for supervised training or dpo, and each method's fault (None: fits).

    `row` is the line's data; `strange` the keys of messages that mean nothing here.
    """

    line: int
    format: Format
    row: Mapping[str, Any]
    faults: Mapping[Method, Fault | None]
    record: Record | None = None
    strange: frozenset[str] = frozenset()


def check_row(row: Mapping[str, Any], line: int) -> Checked:
    """What a JSON object of line `line` serves for."""
    if "preferred_output" in row or "non_preferred_output" in row:
        return _preference(row, line)
    if "messages" in row:
        return _chat(row, line)
    if "prompt" in row and "completion" in row:
        return _completion(row, line)
    message = "Unexpected file format, expected either prompt/completion pairs or chat messages."
    fault = Fault("missing_messages_list", f"Invalid file format. Line {line}: {message}")
    return Checked(line, "unknown", row, dict.fromkeys(METHODS, fault))


def _chat(row: Mapping[str, Any], line: int) -> Checked:
    messages = row["messages"]
    strange = _strange(messages)
    other = _other(line, "supervised", "dpo")
    if fault := _messages(messages, line, "messages"):
        return Checked(line, "chat", row, {"supervised": fault, "dpo": other, "reinforcement": fault}, None, strange)
    record, supervised = None, _no_assistant(messages, line)
    if supervised is None:
        record, supervised = _read(lambda: Openai().record(row), line)
    asked = messages[-1]["role"] == "user"
    reinforcement = None if asked else Fault("last_message_not_user", _text(line, "messages", _LAST))
    if asked:
        _, reinforcement = _read(lambda: read_turns(messages, "messages"), line)
    faults: dict[Method, Fault | None] = {"supervised": supervised, "dpo": other, "reinforcement": reinforcement}
    served = supervised is not None and reinforcement is None
    return Checked(line, "reinforcement" if served else "chat", row, faults, record, strange)


_LAST = "The last message must be from the user."


def _preference(row: Mapping[str, Any], line: int) -> Checked:
    found = row.get("input")
    record, fault = None, None
    if not isinstance(found, Mapping) or "messages" not in found:
        fault = Fault("missing_output", _text(line, "input", "An object with messages is required."))
    fault = fault or _messages(found["messages"], line, "input.messages")  # type: ignore[index]
    for key in ("preferred_output", "non_preferred_output"):
        if fault is None:
            fault = _output(row.get(key), line, key)
    if fault is None and isinstance(found, Mapping):
        values = {"chosen": row["preferred_output"], "rejected": row["non_preferred_output"], "prompt": found}
        record, fault = _read(lambda: Preference().record(values), line)
    other = _other(line, "dpo", "supervised")
    faults: dict[Method, Fault | None] = {"supervised": other, "dpo": fault, "reinforcement": other}
    return Checked(line, "preference", row, faults, record, frozenset())


def _completion(row: Mapping[str, Any], line: int) -> Checked:
    record, fault = _read(lambda: PromptCompletion().record(row), line)
    if fault is None and not str(row["completion"]).strip():
        record, fault = None, Fault("missing_content", _text(line, "completion", "The text is empty."))
    other = _other(line, "supervised", "dpo")
    faults: dict[Method, Fault | None] = {"supervised": fault, "dpo": other, "reinforcement": other}
    return Checked(line, "completion", row, faults, record, frozenset())


def check_text(record: Record, line: int) -> Checked:
    """A passage of plain text, every word of which is learned: only other files than JSONL hold them."""
    other = _other(line, "supervised", "dpo")
    faults: dict[Method, Fault | None] = {"supervised": None, "dpo": other, "reinforcement": other}
    return Checked(line, "text", {"text": record.text}, faults, record)


def _other(line: int, given: Method, wanted: Method) -> Fault:
    message = f"the line is made for the method {given}, not for {wanted}."
    return Fault("missing_output" if wanted == "dpo" else "missing_messages_list", f"Example {line}: {message}")


def _messages(messages: Any, line: int, key: str) -> Fault | None:
    """The first fault of a list of messages, in the order of OpenAI's cookbook."""
    if not isinstance(messages, list) or not messages:
        return Fault("missing_messages_list", _text(line, key, "At least one message is required."))
    for number, message in enumerate(messages):
        place = f"{key}[{number}]"
        if not isinstance(message, Mapping):
            return Fault("data_type", _text(line, place, f"Found {shown(message)}, expected a message."))
        if "role" not in message:
            return Fault(
                "message_missing_key",
                f"Invalid file format. Example {line}, message {number + 1} Discriminator 'role' is missing in value",
            )
        if message["role"] not in ROLES:
            return Fault(
                "unrecognized_role",
                _text(line, f"{place}.role", f"Found {shown(message['role'])}, expected one of {', '.join(ROLES)}."),
            )
        if fault := _content(message, line, place) or _weight(message, line, place):
            return fault
    return None


def _content(message: Mapping[str, Any], line: int, place: str) -> Fault | None:
    calls = message["role"] == "assistant" and (message.get("tool_calls") or message.get("function_call"))
    if calls or (message["role"] == "assistant" and message.get("reasoning_content")):
        return None
    content = message.get("content")
    if "content" not in message:
        return Fault("message_missing_key", _text(line, place, "The key 'content' is missing."))
    if not content or not isinstance(content, str | list):
        return Fault("missing_content", _text(line, f"{place}.content", f"Found {shown(content)}, expected a text."))
    return None


def _weight(message: Mapping[str, Any], line: int, place: str) -> Fault | None:
    if message.get("weight") is None:
        return None
    if message["role"] != "assistant":
        return Fault("invalid_weight", _text(line, f"{place}.weight", "Only messages of the assistant have a weight."))
    if isinstance(message["weight"], bool) or message["weight"] not in (0, 1):
        found = shown(message["weight"])
        return Fault("invalid_weight", _text(line, f"{place}.weight", f"Found {found}, expected 0 or 1."))
    return None


def _no_assistant(messages: Sequence[Mapping[str, Any]], line: int) -> Fault | None:
    if any(message["role"] == "assistant" for message in messages):
        return None
    return Fault(
        "example_missing_assistant_message",
        _text(line, "messages", "At least one message must be from the assistant."),
    )


def _output(messages: Any, line: int, key: str) -> Fault | None:
    if not isinstance(messages, list) or not messages:
        return Fault("missing_output", _text(line, key, "At least one message is required."))
    for number, message in enumerate(messages):
        if isinstance(message, Mapping) and message.get("role") not in ("assistant", "tool", None):
            found = shown(message["role"])
            text = f"Found {found}, expected assistant or tool."
            return Fault("unrecognized_role", _text(line, f"{key}[{number}].role", text))
    return _messages(messages, line, key)


def _read(make: Callable[[], T], line: int) -> tuple[T | None, Fault | None]:
    """What `make` gives, or its InputError as a fault of the line."""
    try:
        made = make()
        if isinstance(made, Record):
            _ = made.id  # refuses lone surrogates, NaN and deep nesting
    except InputError as error:
        field = f'key "{error.where.field}": ' if error.where and error.where.field else ""
        expected = f", expected {error.expected}" if error.expected else ""
        found = error.message[:1].upper() + error.message[1:]
        return None, Fault("unusable", f"Invalid file format. Line {line}, {field}{found}{expected}.")
    return made, None


def _text(line: int, key: str, what: str) -> str:
    return f'Invalid file format. Line {line}, key "{key}": {what}'


def _strange(messages: Any) -> frozenset[str]:
    return frozenset(_strange_keys(messages))


def _strange_keys(messages: Any) -> Iterator[str]:
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, Mapping):
            yield from (str(key) for key in message if key not in KEYS)
