"""From a record to a question: all turns before the last answer are asked, that answer is the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuneloop.records import Json, Record, Turn
from tuneloop.text.language import detect

SURE = 20
"""Characters from which a reference alone tells its language; of a name or a price the question tells it too."""


@dataclass(frozen=True)
class Question:
    """`messages` end with the turn to be answered; `language` is that of the reference."""

    record: str
    messages: tuple[Turn, ...]
    tools: tuple[Json, ...]
    reference: str
    language: str

    @property
    def text(self) -> str:
        """The last turn that was not the assistant's, as the reader's short form of the question."""
        return self.messages[-1].text


def question_of(record: Record) -> Question | None:
    """The question that a record asks; None where there is none, or no text to compare an answer with.

    Asked are dialogues (their last answer of weight above 0) and preferences (the chosen answer).  Plain texts, ratings
    and classes ask nothing, and an answer that only calls a tool has no text.
    """
    turns = record.messages + record.chosen if record.kind in ("chat", "preference") else ()
    place = _last_answer(turns)
    if place is None:
        return None
    reference = turns[place].text
    told = reference if len(reference) >= SURE else f"{turns[place - 1].text} {reference}"
    return Question(record.id, tuple(turns[:place]), record.tools, reference, detect(told))


def _last_answer(turns: Sequence[Turn]) -> int | None:
    for place in range(len(turns) - 1, 0, -1):
        turn = turns[place]
        if turn.role == "assistant" and turn.weight != 0:
            asked = turns[place - 1].role in ("user", "tool")
            return place if asked and turn.text.strip() else None
    return None
