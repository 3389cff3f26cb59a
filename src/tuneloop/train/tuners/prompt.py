"""Prompt tuning: a few trained embeddings before each record, in PEFT's file format (arXiv 2104.08691)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tuneloop.config import setting
from tuneloop.records import TunerTraits
from tuneloop.records.needs import ADAPTER
from tuneloop.train import defaults
from tuneloop.train.defaults import Derived, Facts
from tuneloop.train.tuner import Tuner
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.shape import Shape
    from tuneloop.models.tunings import Tuning


class Prompt(Tuner):
    """The base and its layers stay as they are."""

    title: ClassVar[Words] = Words("prompt tuning", "提示微调（Prompt Tuning）")
    help: ClassVar[Words] = Words(
        "Trains a few virtual tokens that stand before each record: the smallest file; learns a manner or a task,"
        " hardly new facts.",
        "只训练放在每条记录之前的若干虚拟词元：文件最小；适合学习风格或任务，难以学会新知识。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(ADAPTER, mergeable=False)

    tokens: int = setting(20, ge=1, le=1000, en="virtual tokens before each record", zh="每条记录前的虚拟词元数")
    text: str | None = setting(
        None,
        min_length=1,
        en="words whose embeddings they begin as, repeated or cut; tokens drawn from the vocabulary when left out",
        zh="用这段文字的词向量初始化（不足则重复，超出则截断）；不填则从词表随机取词元",
    )

    @property
    def before(self) -> int:
        return self.tokens

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        # the demo's facts on the starter, 20 passes, loss from 4.2: 2.39 at 0.03, 2.35 at 0.08, 2.36 at 0.2, 2.63 at
        # 0.6
        return defaults.own_rate(facts, 0.1, 0.01, why=defaults.FAR)

    def attach(self, lm: LanguageModel, seed: int) -> None:
        from tuneloop.models.adapters.prompt_tuning import PromptTuning

        lm.freeze()
        lm.attach(PromptTuning.new(lm, self.tokens, text=self.text, seed=seed))

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        return tunings.prompt(shape, self.tokens)
