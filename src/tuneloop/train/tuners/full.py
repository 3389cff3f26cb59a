"""Full tuning: every weight moves, and the result is a whole model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tuneloop.records import TunerTraits
from tuneloop.records.needs import WHOLE
from tuneloop.train.tuner import Tuner
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.shape import Shape
    from tuneloop.models.tunings import Tuning


class Full(Tuner):
    """Nothing is added and nothing is frozen."""

    title: ClassVar[Words] = Words("full tuning", "全参微调")
    help: ClassVar[Words] = Words(
        "Moves every weight: the most room to learn, the most memory, and the easiest to forget with.",
        "更新全部权重：学习空间最大，占用内存最多，也最容易遗忘原有能力。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(WHOLE, mergeable=False, form="full")

    def attach(self, lm: LanguageModel, seed: int) -> None:
        lm.module.requires_grad_(True)

    def trainable(self, lm: LanguageModel) -> list[tuple[str, Parameter]]:
        # `named_parameters` gives tied weights once.
        return list(lm.module.named_parameters())

    def save(self, lm: LanguageModel, folder: Path) -> None:
        lm.save(folder)

    def load(self, lm: LanguageModel, folder: Path) -> None:
        import torch
        from safetensors.torch import load_file

        state = lm.state()
        with torch.no_grad():
            for file in sorted(folder.glob("*.safetensors")):
                for name, tensor in load_file(file).items():
                    state[name].copy_(tensor)

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        return tunings.full(shape)
