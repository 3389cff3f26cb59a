"""Who may speak after whom: a conversation as training needs it."""

from __future__ import annotations

from collections.abc import Sequence

from tuneloop.errors import InputError, Where
from tuneloop.records import Turn


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
