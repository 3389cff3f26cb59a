"""A model on this machine grades each answer by a rubric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.errors import ModelError
from tuneloop.records import Turn
from tuneloop.scores.grade import grade
from tuneloop.scores.judge import Answered
from tuneloop.scores.local_judge import LocalJudge
from tuneloop.scores.reasoning import said
from tuneloop.text.language import detect
from tuneloop.wording import Language, Words

RUBRIC = Words(
    "Is it correct, and does it answer what was asked? Is it complete, clear and polite? A wrong answer gets at most "
    "a third of the points, however well it is written.",
    "内容是否正确，是否回答了所问的问题？是否完整、清楚、得体？内容有错的回答，写得再好也不得超过三分之一的分数。",
)
TASK = Words("Grade the last answer of this conversation.", "请给下面对话中的最后一条回答打分。")
CRITERIA = Words("Criteria", "评分标准")
CONVERSATION = Words("Conversation", "对话")
REFERENCE = Words("Reference answer", "参考答案")
ANSWER = Words("Answer to grade", "待评回答")
FORM = Words(
    "Write one line and nothing else: Score: N, where N is a whole number from 0 (worst) to {scale} (best).",
    "只输出一行“评分：N”，不要输出其他内容；N 是 0 到 {scale} 的整数，0 最差，{scale} 最好。",
)
ROLES = {
    "system": Words("system", "系统"),
    "developer": Words("developer", "系统"),
    "user": Words("user", "用户"),
    "assistant": Words("assistant", "助手"),
    "tool": Words("tool", "工具"),
}


class Local(LocalJudge):
    """Grade / scale, from 0 to 1; the judge is asked in Chinese where the question is Chinese, else in English.

    It sees the conversation, the reference where there is one, and what was said behind `</think>`.  An answer whose
    grade can't be read (`grade.py`), or whose prompt is longer than the model reads, gets the mean grade of the other
    answers to the same question, or else of all others in the call: it neither gains nor loses.  Such answers are
    counted; where they are more than `unreadable` of a call, ModelError shows one of the replies.

    Not covered: a judge's taste for long and confident answers, and answers written to talk it into high marks, which
    reinforcement will find.  Measure a judge against people before you trust it: the starter model, for one, wrote a
    readable grade for 1 of 12 answers.
    """

    title: ClassVar[Words] = Words("Local judge", "本地评审模型")
    help: ClassVar[Words] = Words(
        "A model on this machine grades each answer by a rubric; the grade over the scale is the score.",
        "由本机上的模型按评分标准给每个回答打分；得分为分数除以满分。",
    )
    rubric: str = setting(
        "", en="what a good answer is; a general text when left out", zh="什么是好回答；不填则用通用标准"
    )
    scale: int = setting(10, ge=1, le=1000, en="highest grade; grades start at 0", zh="满分；最低为 0 分")
    max_tokens: int = setting(64, ge=1, en="tokens that the judge may write", zh="评审模型最多输出的词元数")
    thinking: bool = setting(
        False,
        en="let a reasoning model think first; raise `max_tokens` with it",
        zh="允许推理模型先思考；需同时调大 max_tokens",
    )
    temperature: float = setting(
        0.0,
        ge=0,
        le=2,
        en="0: the same grade each time; above, drawn with the seed",
        zh="0 表示每次评分相同；大于 0 时按种子采样",
    )
    seed: int = setting(0, ge=0, en="seed of the draw; the n-th answer has seed + n", zh="采样种子；第 n 条用 seed + n")
    unreadable: float = setting(
        0.5, ge=0, le=1, en="share of a call's grades that may be unreadable", zh="一次评审中允许读不出分数的比例"
    )

    _counts: dict[str, int] = PrivateAttr(default_factory=lambda: {"asked": 0, "unreadable": 0, "too_long": 0})

    def counts(self) -> Mapping[str, int]:
        """`asked` answers; of them `unreadable`, and of these `too_long` for the model."""
        return dict(self._counts)

    def score_all(self, items: Sequence[Answered]) -> list[float]:
        from tuneloop.models.sampling import Sampling

        if not items:
            return []
        prompts = [self._encoded(item) for item in items]
        room = self.lm.config.max_positions - self.max_tokens
        asked = [place for place, ids in enumerate(prompts) if len(ids) <= room]
        sampling = Sampling(max_tokens=self.max_tokens, temperature=self.temperature, seed=self.seed)
        replies = self.lm.generate([prompts[place] for place in asked], sampling) if asked else []
        grades: list[float | None] = [None] * len(items)
        for place, reply in zip(asked, replies, strict=True):
            grades[place] = grade(reply.text, self.scale)
        missing = [place for place, one in enumerate(grades) if one is None]
        self._count(len(items), len(missing), len(items) - len(asked))
        if len(missing) > self.unreadable * len(items) or len(missing) == len(items):
            texts = {place: reply.text for place, reply in zip(asked, replies, strict=True)}
            raise self._unread(len(missing), len(items), texts.get(missing[0]))
        return _filled(grades, items)

    def prompt(self, item: Answered) -> str:
        """What the judge is asked about one answer."""
        language: Language = "zh" if detect(item.question) == "zh" else "en"
        colon, gap = ("：", "") if language == "zh" else (":", " ")
        talk = "\n".join(f"{ROLES[turn.role].to(language)}{colon}{gap}{turn.text}" for turn in item.messages)
        parts = [TASK.to(language)]
        blocks = [(CRITERIA, self.rubric or RUBRIC.to(language)), (CONVERSATION, talk)]
        blocks += [(REFERENCE, item.reference)] if item.reference else []
        blocks += [(ANSWER, said(item.answer).strip())]
        parts += [f"[{heading.to(language)}]\n{text}" for heading, text in blocks]
        return "\n\n".join([*parts, FORM.format(scale=self.scale).to(language)])

    def _encoded(self, item: Answered) -> list[int]:
        from tuneloop.models.chat import encode_prompt

        question = [Turn("user", self.prompt(item))]
        return encode_prompt(question, (), self.lm.tokenizer, self.lm.template, enable_thinking=self.thinking)

    def _count(self, asked: int, unreadable: int, too_long: int) -> None:
        for name, more in (("asked", asked), ("unreadable", unreadable), ("too_long", too_long)):
            self._counts[name] += more

    def _unread(self, missing: int, total: int, reply: str | None) -> ModelError:
        told = (
            f"it wrote {reply[:200]!r}" if reply is not None else "the question and answer are longer than it can read"
        )
        return ModelError(
            f"the judge {self.model!r} gave no grade that can be read to {missing} of {total} answers: {told}",
            expected=f"a line such as Score: 7, from 0 to {self.scale}",
            do="Take a larger or instruction-tuned model, raise max_tokens, or shorten the rubric",
        )


def _filled(grades: Sequence[float | None], items: Sequence[Answered]) -> list[float]:
    """Each grade, or the mean of those of the same question, or of all."""
    known = [one for one in grades if one is not None]
    same: dict[tuple[Turn, ...], list[float]] = {}
    for one, item in zip(grades, items, strict=True):
        if one is not None:
            same.setdefault(item.messages, []).append(one)
    return [
        one if one is not None else _mean(same.get(item.messages, known))
        for one, item in zip(grades, items, strict=True)
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
