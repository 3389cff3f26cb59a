"""Finds answers that refuse, or that speak as the model that once wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from tuneloop.config import setting
from tuneloop.prepare.decision import KEEP, Decision, Drop, Keep
from tuneloop.prepare.step import Step
from tuneloop.prepare.taught import answers
from tuneloop.records import Record
from tuneloop.text import refusing
from tuneloop.wording import Words


class Refusals(Step):
    """What counts, and what is not covered: `tuneloop.text.refusing`. Of a pair only the chosen side is looked at."""

    title = Words("Refusals", "拒答")
    help = Words(
        "Finds answers that decline (I'm sorry, but I can't …) or speak as a model (As an AI language model …): "
        "a model tuned on them refuses what it should do. Where refusing is what it should learn, leave this step out.",
        "识别拒答（“很抱歉，我无法……”）和以某个模型自居的回答（“作为一个人工智能语言模型……”）。用这些数据微调，模型会拒绝本该完成的任务。"
        "如果就是要教模型拒答，请不要使用本步骤。",
    )
    reasons: ClassVar[Mapping[str, Words]] = {
        "refusal": Words("The answer refuses", "回答是拒答"),
        "as_model": Words("The answer speaks as a model", "回答以模型自居"),
    }

    action: Literal["drop", "flag"] = setting(
        "drop", en="drop the record, or keep it with a mark", zh="drop：丢弃记录；flag：保留并标记"
    )
    as_model: bool = setting(
        True, en="are answers meant too that only say to be a model?", zh="只是自称模型、并未拒答的回答是否也算"
    )

    def decide_one(self, record: Record) -> Decision:
        for answer in answers(record):
            manner = refusing.manner(answer.text)
            if manner == "refusal" or (manner == "as_model" and self.as_model):
                return Drop(manner) if self.action == "drop" else Keep((manner,))
        return KEEP
