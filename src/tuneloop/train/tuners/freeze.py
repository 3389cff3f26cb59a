"""Freezing: some layers and parts of the model move, all else stays bit for bit; the result is a whole model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from pydantic import PrivateAttr, field_validator

from tuneloop.config import setting
from tuneloop.errors import SettingError, Where
from tuneloop.records import TunerTraits
from tuneloop.records.needs import WHOLE
from tuneloop.train.defaults import Facts
from tuneloop.train.tuners.full import Full as _Full
from tuneloop.wording import Words

if TYPE_CHECKING:
    from torch.nn import Parameter

    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.shape import Shape
    from tuneloop.models.tunings import Tuning

Part = Literal["attention", "mlp", "norms", "embeddings", "head"]
ENDS = re.compile(r"(last|first)-(\d+)")

IN_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
NAMES: Mapping[Part, re.Pattern[str]] = {
    "norms": re.compile(r"norm|\bln_|layer_?norm", re.IGNORECASE),
    "head": re.compile(r"^(lm_head|head|score|classifier|embed_out)\b"),
    "embeddings": re.compile(r"embed|\bw[tp]e\b"),
    "attention": re.compile(r"attn|attention|\.qkv|\.o(_bias)?$"),
}
"""How a weight's part shows in its name, here and in transformers; whatever else is in a layer is the MLP's."""


class Spot(NamedTuple):
    """Where a weight stands; the last norm counts to the last layer, embeddings and head to none."""

    layer: int | None
    part: Part


class Freeze(_Full):
    """With `gradual`, the chosen layers begin to move one group after the other, from the top downwards (ULMFiT, arXiv
    1801.06146).  A weight that waits is not touched, by weight decay neither, and its moments begin when it does."""

    title: ClassVar[Words] = Words("partial tuning", "冻结微调（部分层）")
    help: ClassVar[Words] = Words(
        "Moves some layers or parts and keeps the rest bit for bit; layers may be unfrozen step by step from the top.",
        "只更新部分层或部件，其余逐位不变；可从顶层向下逐步解冻。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(WHOLE, mergeable=False, form="full")

    layers: str | list[int] | None = setting(
        None,
        en="all, last-N, first-N, or numbers from 0; last-2 when left out, all with `gradual`",
        zh="all、last-N、first-N，或从 0 起的层号列表；不填则为 last-2，启用 gradual 时为 all",
    )
    parts: list[Part] = setting(
        ["attention", "mlp", "norms"],
        min_length=1,
        en="of these layers: attention, mlp, norms; and beside them: embeddings, head (one and the same where tied)",
        zh="层内部件：attention、mlp、norms；层外：embeddings、head（共享权重时两者相同）",
    )
    gradual: int = setting(
        0,
        ge=0,
        en="unfreeze from the top downwards over so many equal parts of the run; 0: all at once",
        zh="把训练等分为若干段，自顶层向下逐段解冻；0 表示一次全部解冻",
    )

    _stages: dict[str, int] = PrivateAttr(default_factory=dict)

    @field_validator("layers")
    @classmethod
    def _known(cls, value: str | list[int] | None) -> str | list[int] | None:
        named = isinstance(value, str) and (value == "all" or ENDS.fullmatch(value))
        if value is None or named or (isinstance(value, list) and value and min(value) >= 0):
            return value
        raise ValueError("all, last-N, first-N, or a list of numbers from 0")

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        if self.layers is not None:
            return self, {}
        if self.gradual:
            return self.model_copy(update={"layers": "all"}), {"layers": Words("unfrozen step by step", "逐步解冻")}
        why = Words("the top layers hold most of what is particular to a task", "顶层包含最多与任务相关的内容")
        return self.model_copy(update={"layers": "last-2"}), {"layers": why}

    def attach(self, lm: LanguageModel, seed: int) -> None:
        chosen = self.chosen(lm.config.layers)
        lm.freeze()
        self._stages.clear()
        for name, parameter in lm.module.named_parameters():
            spot = spot_of(name, lm.config.layers)
            tied = lm.config.tied and spot is not None and spot.part == "embeddings" and "head" in self.parts
            if spot is None or not (spot.part in self.parts or tied):
                continue
            if spot.layer is None or spot.layer in chosen:
                parameter.requires_grad_(True)
                self._stages[name] = self._stage(spot, chosen)

    def chosen(self, count: int) -> list[int]:
        """Numbers of the layers that move, in a model of `count` layers; raises SettingError beyond these."""
        if isinstance(self.layers, list):
            if max(self.layers) >= count:
                raise SettingError(
                    f"found layer {max(self.layers)}",
                    expected=f"0 to {count - 1}, as this model has {count} layers",
                    where=Where(field="tuner.layers"),
                )
            return sorted(set(self.layers))
        if self.layers in (None, "all"):
            return list(range(count))
        end, number = ENDS.fullmatch(str(self.layers)).groups()  # type: ignore[union-attr]
        return list(range(count))[-int(number) :] if end == "last" else list(range(count))[: int(number)]

    def _stage(self, spot: Spot, chosen: list[int]) -> int:
        """When a weight begins to move: 0 with the run, and so on; layers in groups as even as can be."""
        if not self.gradual:
            return 0
        if spot.layer is None:
            return 0 if spot.part == "head" else self.gradual - 1
        above = len(chosen) - 1 - chosen.index(spot.layer)
        return above * self.gradual // len(chosen)

    def trainable(self, lm: LanguageModel) -> list[tuple[str, Parameter]]:
        return [(name, parameter) for name, parameter in lm.module.named_parameters() if name in self._stages]

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        return tunings.freeze(shape, self.chosen(shape.layers), self.parts)

    def stage(self, name: str) -> int:
        return self._stages.get(name, 0)

    def thaw(self, lm: LanguageModel, share: float) -> None:
        if self.gradual:
            reached = int(share * self.gradual + 1e-9)
            for name, parameter in self.trainable(lm):
                parameter.requires_grad_(self._stages[name] <= reached)


def spot_of(name: str, layers: int) -> Spot | None:
    """Where a parameter of that name stands; None for what is neither in a layer nor of a known part."""
    found = IN_LAYER.search(name)
    inside = name[found.end() - 1 :] if found else name
    for part, pattern in NAMES.items():
        if pattern.search(inside) and (found or part in ("norms", "head", "embeddings")):
            if part == "norms" and found is None and "embed" in name:
                return Spot(None, "embeddings")
            return Spot(int(found[1]) if found else layers - 1 if part == "norms" else None, part)
    return Spot(int(found[1]), "mlp") if found else None
