"""LoRA: low-rank additions to the linear layers, in PEFT's file format (arXiv 2106.09685; rsLoRA: 2312.03732)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from tuneloop.config import setting
from tuneloop.records import TunerTraits
from tuneloop.train import defaults
from tuneloop.train.defaults import Facts
from tuneloop.train.tuner import Tuner
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel


class Lora(Tuner):
    """The base stays as it is; the additions are kept in float32 whatever the base computes in."""

    title: ClassVar[Words] = Words("LoRA", "LoRA")
    help: ClassVar[Words] = Words(
        "Trains small low-rank additions to the linear layers: little memory, a small file, the base unchanged.",
        "只训练线性层上的低秩增量：省内存、文件小、基座不变。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(capabilities=frozenset({"packing", "generation"}))

    rank: int | None = setting(
        None, ge=1, le=1024, en="rank of the additions; derived when left out", zh="增量矩阵的秩；不填则自动推导"
    )
    alpha: float | None = setting(
        None, gt=0, en="scale: the addition counts alpha / rank times; twice the rank when left out",
        zh="缩放：增量按 alpha / rank 计；不填则为秩的两倍",
    )  # fmt: skip
    rslora: bool = setting(False, en="scale by alpha / sqrt(rank) instead", zh="改用 alpha / sqrt(rank) 缩放")
    targets: str | list[str] = setting(
        "all-linear",
        en="linear layers by the end of their name, or all-linear",
        zh="作用的线性层（名称结尾），或 all-linear",
    )

    def fitted(self, facts: Facts) -> tuple[Self, Mapping[str, Words]]:
        reasons: dict[str, Words] = {}
        rank, alpha = self.rank, self.alpha
        if rank is None:
            rank, reasons["rank"] = defaults.rank(facts)
        if alpha is None:
            alpha, reasons["alpha"] = 2.0 * rank, Words("twice the rank", "秩的两倍")
        return self.model_copy(update={"rank": rank, "alpha": alpha}), reasons

    def attach(self, lm: LanguageModel, seed: int) -> None:
        from tuneloop.models.adapters.lora import LoraAdapter

        if self.rank is None or self.alpha is None:
            raise ValueError("rank and alpha are unknown: call `fitted` first")
        lm.freeze()
        adapter = LoraAdapter.new(
            lm.sites(),
            r=self.rank,
            alpha=self.alpha,
            rslora=self.rslora,
            targets=self.targets,
            seed=seed,
            base=lm.reference,
            device=lm.device,
        )
        lm.attach(adapter)
