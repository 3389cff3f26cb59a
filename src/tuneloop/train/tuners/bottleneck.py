"""Bottleneck adapters: small networks inside the layers (Houlsby: arXiv 1902.00751; Pfeiffer: arXiv 2005.00247)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from tuneloop.config import setting
from tuneloop.records import TunerTraits
from tuneloop.records.needs import ADAPTER
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
        "pfeiffer",
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
