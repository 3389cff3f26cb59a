"""Prefix tuning: trained keys and values before each record in every layer, in PEFT's format (arXiv 2101.00190)."""

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


class Prefix(Tuner):
    """A fresh prefix is what the model itself computes for some tokens, or comes from a network (`projection`)."""

    title: ClassVar[Words] = Words("prefix tuning", "前缀微调（Prefix Tuning）")
    help: ClassVar[Words] = Words(
        "Trains keys and values that every layer sees before each record: more room than a prompt, still a small file.",
        "训练每一层在记录之前看到的键和值：容量大于提示微调，文件仍然很小。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(ADAPTER, mergeable=False)

    tokens: int = setting(20, ge=1, le=1000, en="virtual tokens before each record", zh="每条记录前的虚拟词元数")
    text: str | None = setting(
        None,
        min_length=1,
        en="words whose keys and values they begin as, repeated or cut; drawn from the vocabulary when left out",
        zh="用这段文字的键和值初始化（不足则重复，超出则截断）；不填则从词表随机取词元",
    )
    projection: bool = setting(
        False,
        en="make them by a small network during training; it is not part of the result, and `text` has no say",
        zh="训练时由小网络生成，网络不计入结果；此时 text 不起作用",
    )
    width: int | None = setting(
        None,
        ge=1,
        en="hidden units of that network; as wide as the model when left out",
        zh="该网络的隐层宽度；不填则与模型相同",
    )

    @property
    def before(self) -> int:
        return self.tokens

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        # the demo's facts on the starter, 20 passes, loss from 4.2: 1.35 at 0.03 and 0.17 at 0.15; with the network
        # 0.46 at 5e-3
        return defaults.own_rate(facts, *((5e-3, 5e-4) if self.projection else (0.15, 0.01)), why=defaults.FAR)

    def attach(self, lm: LanguageModel, seed: int) -> None:
        from tuneloop.models.adapters.prefix_tuning import PrefixTuning

        lm.freeze()
        width = (self.width or lm.config.hidden) if self.projection else None
        lm.attach(PrefixTuning.new(lm, self.tokens, text=self.text, width=width, seed=seed))

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        return tunings.prefix(shape, self.tokens, (self.width or shape.hidden) if self.projection else 0)
