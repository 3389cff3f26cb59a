"""A grader in OpenAI's form as a judge, for reinforcement training on uploaded files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.errors import InputError
from tuneloop.scores.grader import Case, Grader, models_of, read_grader
from tuneloop.scores.judge import Answered, Judge
from tuneloop.wording import Words


class GraderJudge(Judge):
    """The reference of each question is the line of the file as JSON, whose fields the grader reads as {{item.x}}."""

    title: ClassVar[Words] = Words("A grader in OpenAI's form", "OpenAI 格式的评分器")
    help: ClassVar[Words] = Words(
        "Scores answers by string_check, text_similarity, score_model or multi, as OpenAI's fine-tuning writes them.",
        "按 OpenAI 微调接口的写法打分：string_check、text_similarity、score_model 或 multi。",
    )

    grader: dict[str, Any] = setting(en="the grader as OpenAI's API writes it", zh="OpenAI 接口格式的评分器定义")
    bases: dict[str, str] = setting(
        {}, en="model names of the grader and what is loaded for them", zh="评分器中的模型名称及其实际加载的模型"
    )

    _made: Any = PrivateAttr(default=None)
    _asked: Any = PrivateAttr(default=None)
    _unreadable: int = PrivateAttr(default=0)

    def score_all(self, items: Sequence[Answered]) -> list[float]:
        grader = self._grader()
        cases = [Case(item.answer, _item(item.reference)) for item in items]
        replies = iter(self._replies(grader, cases))
        graded = [grader.grade(case, lambda *_: next(replies)) for case in cases]
        self._unreadable += sum(len(one.errors) for one in graded)
        return [one.score for one in graded]

    def counts(self) -> Mapping[str, int]:
        return {"unreadable": self._unreadable}

    def _grader(self) -> Grader:
        if self._made is None:
            self._made = read_grader(self.grader)
        made: Grader = self._made
        return made

    def _replies(self, grader: Grader, cases: Sequence[Case]) -> list[str]:
        """What models answer to all questions of all cases, in the order in which the grader asks: a first round of
        grading only notes them, so that they can be answered side by side."""
        from tuneloop.scores.asking import Asked, Question

        if not models_of(grader):
            return []
        questions: list[Question] = []

        def note(model: str, messages: Sequence[Mapping[str, str]], how: Mapping[str, Any]) -> str:
            questions.append(Question(model, messages, how))
            return ""

        for case in cases:
            grader.grade(case, note)
        if self._asked is None:
            self._asked = Asked(self._workspace, self._device, self.bases)
        answers: list[str] = self._asked.answers(questions)
        return answers


def _item(reference: str) -> Mapping[str, Any]:
    try:
        item = json.loads(reference)
    except ValueError:
        raise InputError("the question carries no line of a file", expected="its reference as a JSON object") from None
    if not isinstance(item, dict):
        raise InputError(f"found {reference[:60]!r}", expected="a JSON object")
    return item
