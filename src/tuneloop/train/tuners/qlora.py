"""QLoRA: LoRA while the base is stored in 4 or 8 bits (arXiv 2305.14314)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import model_validator

from tuneloop.config import setting
from tuneloop.train.defaults import Facts
from tuneloop.train.tuners.lora import Lora
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.quantized import Kind
    from tuneloop.models.shape import Shape
    from tuneloop.models.tunings import Tuning


class Qlora(Lora):
    """What is saved is a LoRA adapter for the dense base: the model answers, and is merged, over the base in 16 or 32
    bits.  A sum with 4-bit weights would have to be rounded to 4 bits again, and lose what was learnt
    (github.com/huggingface/peft, pull request 2321)."""

    title: ClassVar[Words] = Words("QLoRA", "QLoRA")
    help: ClassVar[Words] = Words(
        "LoRA over a base stored in 4 or 8 bits while it trains: a quarter or half of the base's memory, and slower.",
        "训练时以 4 位或 8 位存储基座的 LoRA：基座内存降到约四分之一或一半，速度较慢。",
    )
    bits: Literal["nf4", "int8"] = setting(
        "nf4",
        en="how the base's linear weights are stored: nf4 (4 bits) or int8 (nearer to the original)",
        zh="基座线性层权重的存储方式：nf4（4 位）或 int8（更接近原权重）",
    )
    double: bool | None = setting(
        None,
        en="store nf4's scales in 8 bits as well, which saves 0.37 bits a weight; yes when left out, not for int8",
        zh="nf4 的缩放系数也存成 8 位，每个权重再省 0.37 位；不填则启用，int8 不适用",
    )

    @model_validator(mode="after")
    def _double_is_for_nf4(self) -> Self:
        if self.bits == "int8" and self.double:
            raise ValueError("`double` with nf4 only: int8 has one scale a row")
        return self

    @property
    def kind(self) -> Kind:
        if self.bits == "int8":
            return "int8"
        return "nf4" if self.double is False else "nf4-double"

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        fitted, reasons = super().fitted(facts)
        if self.double is not None:
            return fitted, reasons
        why = Words("one scale a row is little already", "每行一个缩放系数，已经很少")
        if self.bits == "nf4":
            why = Words("saves memory at no cost in quality", "省内存且不损质量")
        return fitted.model_copy(update={"double": self.kind == "nf4-double"}), {**reasons, "double": why}

    def load_options(self) -> Mapping[str, Any]:
        return {"quantize": self.kind}

    def attach(self, lm: LanguageModel, seed: int) -> None:
        if lm.quantized is None:  # a model that was made in memory, or comes from an earlier stage
            lm.quantize(self.kind)
        super().attach(lm, seed)

    def merged(self, lm: LanguageModel) -> bool:
        return False

    def footprint(self, shape: Shape) -> Tuning | None:
        from tuneloop.models import tunings

        return self._footprint(shape, tunings.BITS[self.kind])
