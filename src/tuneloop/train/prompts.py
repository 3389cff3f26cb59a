"""Questions for objectives whose answers the model writes itself: the prompt, and what a reward needs to know of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError
from tuneloop.records import Record, Turn
from tuneloop.records.record import turn_from_payload
from tuneloop.scores import Answered
from tuneloop.train.objective import Encoded, Example

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel


@dataclass(frozen=True)
class Question:
    """`reference` is the answer that the record holds; "" where it ends with the question."""

    messages: tuple[Turn, ...]
    reference: str = ""

    @classmethod
    def of(cls, record: Record) -> Question:
        """A dialogue up to its last answer, which is the reference."""
        *before, last = record.messages
        if last.role == "assistant":
            return cls(tuple(before), last.text)
        return cls(record.messages)

    @classmethod
    def read(cls, note: str) -> Question:
        """What `note` wrote."""
        data: dict[str, Any] = json.loads(note)
        return cls(tuple(turn_from_payload(turn) for turn in data["messages"]), data["reference"])

    def note(self) -> str:
        messages = [turn.payload() for turn in self.messages]
        return json.dumps({"messages": messages, "reference": self.reference}, ensure_ascii=False)

    def answered(self, answer: str) -> Answered:
        return Answered(self.messages, answer, self.reference)


def encode_question(record: Record, lm: LanguageModel, limit: int, answer: int) -> Encoded:
    """The prompt that asks for the assistant's answer; set aside where it and `answer` tokens exceed the limit."""
    from tuneloop.models.chat import encode_prompt

    question = Question.of(record)
    if not question.messages:
        return Encoded(aside="no_target", why="nothing stands before the answer")
    try:
        ids = encode_prompt(question.messages, record.tools, lm.tokenizer, lm.template)
    except InputError as error:
        return Encoded(aside="template", why=str(error))
    if len(ids) + answer > limit:
        why = f"{len(ids)} tokens of the question and {answer} of the answer are more than {limit}"
        return Encoded(aside="answer_cut", why=why)
    return Encoded((Example(ids, [0.0] * len(ids), note=question.note()),))
