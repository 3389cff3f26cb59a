"""Drops records that ask without answering; an empty answer among good ones is kept out of the loss."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from typing import ClassVar

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Drop, Replace
from tuneloop.prepare.step import Step
from tuneloop.records import Record, Turn
from tuneloop.wording import Words


class EmptyAnswers(Step):
    title = Words("Empty answers", "空回答")
    help = Words(
        "Drops texts that are blank, dialogues without an answer to learn from and pairs that lack a side or whose "
        "sides are equal. In a dialogue of several turns only the blank answers are kept out of training.",
        "丢弃空白文本、没有可学回答的对话，以及缺少一方或两方相同的偏好对；多轮对话中只将空白的回答排除在训练之外。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "empty_text": Words("The text is empty", "文本为空"),
        "no_question": Words("Nothing stands before the answer", "回答之前没有任何内容"),
        "no_answer": Words("There is no answer to learn from", "没有可供学习的回答"),
        "empty_answer": Words("The answer is empty", "回答为空"),
        "equal_sides": Words("The chosen and the rejected answer are the same", "偏好对的两个回答相同"),
    }

    placeholders: tuple[str, ...] = setting(
        ("nan", "null", "undefined", "n/a"),
        en="words that stand for nothing when they are the whole answer, in any case",
        zh="整个回答只有这些词时视为空，不分大小写",
    )
    punctuation: bool = setting(
        False, en="are answers of punctuation alone (……) empty too?", zh="只有标点的回答（如……）是否也算空"
    )

    def decide_one(self, record: Record) -> Decision:
        if record.kind in ("text", "label"):
            return KEEP if any(map(self._speaks, _said(record))) else Drop("empty_text")
        if record.kind == "preference":
            return self._pair(record)
        decision = self._answers(record, record.messages)
        if decision == KEEP and record.messages[0].role == "assistant" and len(record.messages) == 1:
            return Drop("no_question")
        return decision

    def _pair(self, record: Record) -> Decision:
        for side in (record.chosen, record.rejected):
            if isinstance(decision := self._answers(record, side), Drop):
                return decision
        return Drop("equal_sides") if record.chosen == record.rejected else KEEP

    def _answers(self, record: Record, turns: tuple[Turn, ...]) -> Decision:
        trained = [place for place, turn in enumerate(turns) if turn.role == "assistant" and turn.weight != 0]
        blank = [place for place in trained if not self._speaks(turns[place])]
        if not trained:
            return Drop("no_answer")
        if len(blank) == len(trained):
            return Drop("empty_answer")
        if not blank or record.kind != "chat":
            return KEEP
        silenced = list(turns)
        for place in blank:
            silenced[place] = dataclasses.replace(turns[place], weight=0)
        return Replace(dataclasses.replace(record, messages=tuple(silenced)), {"silenced": len(blank)})

    def _speaks(self, turn: Turn) -> bool:
        text = turn.text.strip()
        if turn.tool_calls or (not isinstance(turn.content, str) and any(part.blob for part in turn.content)):
            return True
        if self.punctuation and all(unicodedata.category(sign)[0] in "PZC" for sign in text):
            return False
        return bool(text) and text.casefold() not in self.placeholders


def _said(record: Record) -> tuple[Turn, ...]:
    return record.messages if record.text is None else (Turn("user", record.text),)
