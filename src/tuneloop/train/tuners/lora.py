"""LoRA: low-rank additions to the linear layers, in PEFT's file format (arXiv 2106.09685; rsLoRA: 2312.03732; DoRA:
2402.09353; LoRA+: 2402.12354)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from tuneloop.config import setting
from tuneloop.records import TunerTraits
from tuneloop.records.needs import ADAPTER
from tuneloop.train import defaults
from tuneloop.train.defaults import Facts
from tuneloop.train.tuner import Tuner
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.shape import Shape
    from tuneloop.models.tunings import Tuning


class Lora(Tuner):
    """The base stays as it is; the additions are kept in float32 whatever the base computes in."""

    title: ClassVar[Words] = Words("LoRA", "LoRA")
    help: ClassVar[Words] = Words(
        "Trains small low-rank additions to the linear layers: little memory, a small file, the base unchanged.",
        "只训练线性层上的低秩增量：省内存、文件小、基座不变。",
    )
    traits: ClassVar[TunerTraits] = TunerTraits(ADAPTER)

    rank: int | None = setting(
        None, ge=1, le=1024, en="rank of the additions; derived when left out", zh="增量矩阵的秩；不填则自动推导"
    )
    alpha: float | None = setting(
        None, gt=0, en="scale: the addition counts alpha / rank times; twice the rank when left out",
        zh="缩放：增量按 alpha / rank 计；不填则为秩的两倍",
    )  # fmt: skip
    rslora: bool = setting(False, en="scale by alpha / sqrt(rank) instead", zh="改用 alpha / sqrt(rank) 缩放")
    dora: bool = setting(
        False,
        en="train each output's magnitude apart from its direction (DoRA): slower, better at low ranks",
        zh="把每个输出的幅度与方向分开训练（DoRA）：较慢，低秩时效果更好",
    )
    plus: float = setting(
        1.0,
        ge=1,
        en="learning rate of B divided by that of A (LoRA+); 16 is usual, 1 is off",
        zh="B 与 A 的学习率之比（LoRA+）；常用 16，1 表示关闭",
    )
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
            dora=lm if self.dora else None,
        )
        lm.attach(adapter)

    def rate(self, name: str) -> float:
        return self.plus if ".lora_B." in name else 1.0

    def footprint(self, shape: Shape) -> Tuning | None:
        return self._footprint(shape, 0.0)

    def _footprint(self, shape: Shape, bits: float) -> Tuning | None:
        from tuneloop.models import tunings
        from tuneloop.models.adapters.lora import ALL_LINEAR

        given = [self.targets] if isinstance(self.targets, str) else self.targets
        names = list(tunings.ALL_LINEAR) if given == [ALL_LINEAR] else [one.rpartition(".")[2] for one in given]
        if self.rank is None or not set(names) <= set(tunings.ALL_LINEAR):
            return None
        return tunings.lora(shape, self.rank, names, dora=self.dora, bits=bits)
