"""P-tuning: virtual tokens made by a small network while they are trained, in PEFT's file format (arXiv 2103.10385)."""

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


class PTuning(Tuner):
    """The network is part of a run's checkpoints, and not of its result."""

    title: ClassVar[Words] = Words("P-tuning", "P-Tuning")
    help: ClassVar[Words] = Words(
        "Like prompt tuning, with a small network that makes the virtual tokens during training and helps them learn.",
        "与提示微调相同，但训练时由一个小网络生成虚拟词元，更容易学动；最终文件只含虚拟词元。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(ADAPTER, mergeable=False)

    tokens: int = setting(20, ge=1, le=1000, en="virtual tokens before each record", zh="每条记录前的虚拟词元数")
    network: Literal["mlp", "lstm"] = setting("mlp", en="what makes them: mlp or lstm", zh="生成网络：mlp 或 lstm")
    width: int | None = setting(
        None,
        ge=1,
        en="hidden units of the network; as wide as the model when left out",
        zh="网络的隐层宽度；不填则与模型相同",
    )
    depth: int = setting(2, ge=1, le=8, en="layers of an lstm; an mlp has three", zh="lstm 的层数；mlp 固定三层")

    @property
    def before(self) -> int:
        return self.tokens

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        # the demo's facts on the starter, 20 passes, loss from 4.2: 2.49 at 1e-3, 2.55 at 3e-3, 2.43 at 1e-2
        return defaults.own_rate(facts, 1e-2, 5e-4, why=defaults.FAR)

    def attach(self, lm: LanguageModel, seed: int) -> None:
        from tuneloop.models.adapters.p_tuning import PTuning as Made

        lm.freeze()
        width = self.width or lm.config.hidden
        lm.attach(Made.new(lm, self.tokens, width=width, network=self.network, layers=self.depth, seed=seed))

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        lstm = self.depth if self.network == "lstm" else 0
        return tunings.p_tuning(shape, self.tokens, self.width or shape.hidden, lstm=lstm)
