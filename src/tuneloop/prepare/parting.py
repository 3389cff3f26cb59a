"""Two answers to one prompt → a preference pair, however much of the prompt stands inside the answers.

An answer may be a text, a message, some messages, or a whole conversation (messages, or a text as hh-rlhf has it).  Of
two whole conversations the common beginning is the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.order import check_order
from tuneloop.prepare.transcript_text import turns_of_text
from tuneloop.prepare.turns import read_turns
from tuneloop.prepare.values import with_input
from tuneloop.records import Json, Record, Turn

_LEADING = ("system", "developer")
_LIST = re.compile(r"\s*\[\s*\{\s*[\"'](role|content|from|value)[\"']\s*:")
"""How a text of messages begins, in JSON or as Python prints it."""


def answer_turns(value: Any, field: str) -> tuple[Turn, ...]:
    """The turns of one answer, or of a whole conversation of messages; a text is one turn of the assistant."""
    if isinstance(value, str):
        return (Turn("assistant", value),)
    return read_turns([value] if isinstance(value, Mapping) else value, field)


def two_answers(
    values: Mapping[str, Any], fields: tuple[str, str], prompt: tuple[Turn, ...] = ()
) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """The turns of both answers.

    Texts are read as conversations only where both are and hold the prompt, if there is one: else a dialogue that
    was asked for would be taken apart.  Two JSON texts of messages, as tables hold them, are read as messages; such
    lists as Python prints them raise `InputError`.
    """
    first, second = (values[field] for field in fields)
    if isinstance(first, str) and isinstance(second, str):
        if _LIST.match(first) and _LIST.match(second):
            return read_turns(first, fields[0]), read_turns(second, fields[1])
        whole = (turns_of_text(first), turns_of_text(second))
        if whole[0] and whole[1] and not any(_missing(prompt, one or ()) for one in whole):
            return whole[0], whole[1]
    return answer_turns(first, fields[0]), answer_turns(second, fields[1])


def prompt_turns(values: Mapping[str, Any], field: str = "prompt") -> tuple[Turn, ...]:
    """The turns of a prompt: a text with the `input` that it is about, or messages; none where it is absent.

    A text that ends with an open `Assistant:` is a conversation, as copies of hh-rlhf divide prompt and answers.
    """
    value = values.get(field)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        spoken = turns_of_text(value) if value.rstrip().endswith((":", "：")) else None
        return spoken if spoken and spoken[-1].role == "user" else (Turn("user", with_input(value, values)),)
    return read_turns([value] if isinstance(value, Mapping) else value, field)


def is_whole(answer: tuple[Turn, ...]) -> bool:
    """Does it begin before the answer, with the question?"""
    return bool(answer) and answer[0].role in (*_LEADING, "user")


def pair(
    prompt: tuple[Turn, ...],
    chosen: tuple[Turn, ...],
    rejected: tuple[Turn, ...],
    *,
    fields: tuple[str, str] = ("chosen", "rejected"),
    system: str | None = None,
    tools: tuple[Json, ...] = (),
) -> Record:
    """The record of a pair; `fields` name the two answers in errors.

    Raises `InputError` where there is no prompt, where the prompt is not the one of the conversations, where an answer
    does not begin with the assistant, and where both are the same.
    """
    if is_whole(chosen) and is_whole(rejected):
        shared, chosen, rejected = _part(chosen, rejected, fields)
        prompt = _joined(prompt, shared, fields[0])
    elif not prompt:
        raise _no_prompt()
    if system and system.strip() and prompt[0].role != "system":
        prompt = (Turn("system", system), *prompt)
    for field, answer in zip(fields, (chosen, rejected), strict=True):
        if not answer or answer[0].role != "assistant":
            raise InputError(
                "the answer does not begin with the assistant",
                expected="an answer to the prompt",
                where=Where(field=field),
            )
        check_order((*prompt, *answer), field)
    if chosen == rejected:
        raise InputError(
            "chosen and rejected are the same",
            expected="two different answers",
            where=Where(field=fields[1]),
            do="Remove the record: nothing can be learnt from it",
        )
    return Record("preference", messages=prompt, chosen=chosen, rejected=rejected, tools=tools)


def _part(
    chosen: tuple[Turn, ...], rejected: tuple[Turn, ...], fields: tuple[str, str]
) -> tuple[tuple[Turn, ...], tuple[Turn, ...], tuple[Turn, ...]]:
    """Two whole conversations: their common beginning, and what each goes on with."""
    common = 0
    while common < min(len(chosen), len(rejected)) and chosen[common] == rejected[common]:
        common += 1
    while common and common in (len(chosen), len(rejected)):
        common -= 1
    if not common:
        raise _no_prompt()
    if {chosen[common].role, rejected[common].role} != {"assistant"}:
        raise InputError(
            f"the conversations part at a turn of the {chosen[common].role} and one of the {rejected[common].role}",
            expected="conversations that part at an answer of the assistant",
            where=Where(field=f"{fields[1]}[{common}]"),
            do="Remove the record, or cut both where the same question was answered",
        )
    return chosen[:common], chosen[common:], rejected[common:]


def _no_prompt() -> InputError:
    return InputError(
        "found no prompt", expected="a prompt, or conversations that begin alike", where=Where(field="prompt")
    )


def _joined(prompt: tuple[Turn, ...], shared: tuple[Turn, ...], field: str) -> tuple[Turn, ...]:
    """The shared turns, after system messages that only the prompt has; the prompt's other turns must be among them."""
    missing = _missing(prompt, shared)
    strange = next((turn for turn in missing if turn.role not in _LEADING), None)
    if strange is not None:
        raise InputError(
            f"the conversation begins otherwise than the prompt ({strange.text.strip()[:40]!r} is not in it)",
            expected="the answers alone, or conversations that begin with the prompt",
            where=Where(field=field),
            do="Correct the row, or leave the prompt out: mapping.chosen and mapping.rejected alone take it from the "
            "conversations",
        )
    return (*missing, *shared)


def _missing(prompt: tuple[Turn, ...], whole: tuple[Turn, ...]) -> list[Turn]:
    """The prompt's turns that a conversation does not hold."""
    said = {turn.text.strip() for turn in whole}
    return [turn for turn in prompt if turn.text.strip() not in said]
