"""A column of questions and a column of answers, under any of their usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuneloop.prepare.shape import REASONING, Field, Shape, fold
from tuneloop.prepare.turns import instruction
from tuneloop.prepare.values import optional_text, text_of
from tuneloop.records import Record
from tuneloop.wording import Words

_PROBLEMS, _SOLUTIONS, _RESULTS = ({"problem", "题目"}, {"solution", "解答"}, {"answer", "答案"})


class QaColumns(Shape):
    """Two columns; the first known name for a question and for an answer is taken.

    Of a `problem` the `solution` is the answer, which ends with the result; where the result alone stands beside it as
    `answer`, either may be meant, and the low certainty makes the report say so.
    """

    title = Words("Questions and answers", "问答两列")
    help = Words(
        "A question and an answer in each row, such as question/answer, ask/reply, problem/solution or 问题/答案; also "
        "system, and reasoning (reasoning_content, thinking, cot, Complex_CoT, 思考过程) that precedes the answer.",
        "每行一个问题和一个答案，例如 question/answer、ask/reply、problem/solution、问题/答案；也支持 system，"
        "以及答案之前的推理（reasoning、reasoning_content、thinking、cot、Complex_CoT、思考过程）。",
    )
    fields = (
        Field(
            "question",
            (
                "questions",
                "问题",
                "提问",
                "问句",
                "问",
                "ask",
                "query",
                "q",
                "用户问题",
                "客户问题",
                "user",
                "human",
                "instruction",
                "prompt",
                "标准问题",
                "source",
                "原文",
                "input",
                "输入",
                "title",
                "标题",
                "problem",
                "题目",
            ),
        ),
        Field(
            "answer",
            (
                "answers",
                "答案",
                "回答",
                "回复",
                "答复",
                "回应",
                "答",
                "reply",
                "response",
                "a",
                "客服回复",
                "标准答案",
                "assistant",
                "bot",
                "gpt",
                "completion",
                "target",
                "译文",
                "output",
                "输出",
                "solution",
                "解答",
            ),
        ),
        Field("system", ("system_prompt", "系统提示"), required=False),
        REASONING,
    )

    def score(self, columns: Mapping[str, str], sample: Sequence[Mapping[str, Any]]) -> float:
        if columns["question"].startswith("column_"):
            return 0.4
        if fold(columns["question"]) in _PROBLEMS and fold(columns["answer"]) in _SOLUTIONS:
            folded = {fold(name) for row in sample for name in row}
            return 0.55 if folded & _RESULTS else 0.9
        best = {"question", "问题", "ask", "q", "提问", "query"}
        return 0.9 if columns["question"].lower() in best else 0.75

    def find(self, sample: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        found = super().find(sample)
        if found and fold(found["question"]) in _PROBLEMS:
            solutions = (name for row in sample for name in row if fold(name) in _SOLUTIONS)
            found["answer"] = next(solutions, found["answer"])
        names = list(dict.fromkeys(name for row in sample for name in row))
        if found or names != ["column_1", "column_2"]:
            return found
        return {"question": "column_1", "answer": "column_2"} if _are_texts(sample) else {}

    def record(self, values: Mapping[str, Any]) -> Record:
        system, reasoning = optional_text(values, "system"), optional_text(values, "reasoning")
        return instruction(text_of(values, "question"), text_of(values, "answer"), system, reasoning)


def _are_texts(sample: Sequence[Mapping[str, Any]]) -> bool:
    """Do two nameless columns hold texts of their own, most of them different and longer than a word?"""
    for name in ("column_1", "column_2"):
        cells = [str(row.get(name, "")) for row in sample]
        if (
            len(set(cells)) < 0.8 * len(cells)
            or sum(map(len, cells)) < 4 * len(cells)
            or any(one.isdigit() for one in cells)
        ):
            return False
    return True
