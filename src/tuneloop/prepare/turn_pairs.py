"""A conversation as pairs of question and answer, for layouts that have no roles."""

from __future__ import annotations

from dataclasses import dataclass

from tuneloop.records import Record


@dataclass(frozen=True)
class Pairs:
    """`turns` are (question, answer) in order; of a preference the last answer is the chosen one."""

    system: str | None
    turns: tuple[tuple[str, str], ...]
    rejected: str = ""


def pairs_of(record: Record) -> Pairs | str:
    """The pairs, or the words for what does not fit into them."""
    if record.tools:
        return "tools"
    sides = [*record.messages, *record.chosen]
    for turn in record.turns():
        for what in ("weight", "name", "reasoning"):
            if getattr(turn, what) is not None:
                return f"a turn with a {what}"
    if record.kind == "preference" and (len(record.chosen), len(record.rejected)) != (1, 1):
        return "an answer of several turns"
    system = sides.pop(0).text if sides and sides[0].role == "system" else None
    roles = [turn.role for turn in sides]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        return "turns that are not questions and answers by turns"
    texts = [turn.text for turn in sides]
    turns = tuple(zip(texts[::2], texts[1::2], strict=True))
    return Pairs(system, turns, record.rejected[0].text if record.rejected else "")
