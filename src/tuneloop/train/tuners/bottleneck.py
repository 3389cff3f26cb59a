"""Bottleneck adapters: small networks inside the layers (Houlsby: arXiv 1902.00751; Pfeiffer: arXiv 2005.00247)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

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


class Bottleneck(Tuner):
    """A fresh adapter changes nothing: its upper matrices are zero."""

    title: ClassVar[Words] = Words("bottleneck adapters", "瓶颈适配器（Adapter）")
    help: ClassVar[Words] = Words(
        "Trains small networks put behind the attention or the MLP of every layer; cannot be merged into the base.",
        "在每层注意力或前馈之后插入小网络并只训练它们；无法合并进基座。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(ADAPTER, mergeable=False)

    placement: Literal["houlsby", "pfeiffer"] = setting(
        "houlsby",
        en="houlsby: behind attention and MLP; pfeiffer: behind the MLP alone",
        zh="houlsby：注意力和前馈之后都加；pfeiffer：只加在前馈之后",
    )
    size: int | None = setting(
        None,
        ge=1,
        en="width of the bottleneck; derived from `reduction` when left out",
        zh="瓶颈宽度；不填则由 reduction 推导",
    )
    reduction: float = setting(
        8, gt=0, en="the model's width divided by that of the bottleneck", zh="模型宽度与瓶颈宽度之比"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = setting("relu", en="activation function", zh="激活函数")

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        # the demo's facts on the starter, 20 passes, unseen wordings right: houlsby 68 % at 5e-3 and 71 % at 1e-2,
        # pfeiffer 60 % and 63 %
        why = Words("small networks that begin at zero need a large rate", "小网络从零开始，需要较大的学习率")
        return defaults.own_rate(facts, 1e-2, 3e-4, why)

    def attach(self, lm: LanguageModel, seed: int) -> None:
        from tuneloop.models.adapters.bottleneck import BottleneckAdapter

        lm.freeze()
        size = self.size or max(1, round(lm.config.hidden / self.reduction))
        made = BottleneckAdapter.new(lm, size=size, placement=self.placement, activation=self.activation, seed=seed)
        lm.attach(made)

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        size = self.size or max(1, round(shape.hidden / self.reduction))
        return tunings.bottleneck(shape, size, 2 if self.placement == "houlsby" else 1)
