"""What a person may say about a training run, and what became of it.

A recipe says only what should differ: every key left out is derived from the data and the model (`defaults`), and the
resolved recipe that is saved with the run holds every value with its origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from pydantic import model_validator

from tuneloop.config import Settings, read, setting
from tuneloop.train.schedules import Schedule
from tuneloop.wording import Words

Spec = str | dict[str, Any]
"""A member as recipes write it: its name, or a mapping with `name` and settings."""


COMMON = frozenset({"base", "backend", "seed", "precision", "general", "stages"})
"""Keys that all stages of a run share."""


class TrainRecipe(Settings):
    """The `train:` part of a recipe file."""

    base: Spec = setting(
        "starter",
        en="what to tune: starter, a model version, a folder, a hub name, or {new: …} for a model from nothing",
        zh="微调的对象：starter、模型版本、文件夹、模型库名称，或 {new: …} 从零新建",
    )
    data: str | None = setting(None, en="dataset version; the newest when left out", zh="数据集版本；不填则取最新")
    objective: Spec | None = setting(
        None, en="what is learned: sft, dpo, classify, …", zh="训练目标：sft、dpo、classify 等"
    )
    tuner: Spec | None = setting(
        None, en="which weights move: lora, qlora, full, …", zh="微调方法：lora、qlora、full 等"
    )
    backend: Spec = setting("torch", en="where it is trained", zh="训练后端")
    optimizer: Spec | None = setting(None, en="adamw or muon", zh="优化器：adamw 或 muon")

    epochs: float | None = setting(None, gt=0, en="passes over the data; may be a fraction", zh="数据遍数，可为小数")
    max_steps: int | None = setting(None, ge=1, en="optimizer steps at most, whatever `epochs` says", zh="优化步数上限")
    batch: int | None = setting(None, ge=1, en="examples per optimizer step", zh="每个优化步的样本数")
    batch_tokens: int | None = setting(
        None, ge=1, en="tokens per step, instead of `batch`", zh="每步词元数，代替 batch"
    )
    micro_tokens: int | None = setting(
        None,
        ge=1,
        en="tokens in one forward pass; changes memory, not the result",
        zh="单次前向的词元数；只影响内存，不影响结果",
    )
    max_length: int | None = setting(None, ge=2, en="tokens per example at most", zh="每个样本的最大词元数")

    learning_rate: float | None = setting(None, gt=0, en="full learning rate, after warm-up", zh="预热后的学习率")
    schedule: Schedule | None = setting(
        None, en="constant, linear, cosine or wsd", zh="学习率曲线：constant、linear、cosine、wsd"
    )
    warmup: int | None = setting(None, ge=0, en="steps that rise to the full learning rate", zh="学习率上升的步数")
    weight_decay: float | None = setting(
        None, ge=0, en="decay of matrices, per unit of learning rate", zh="矩阵的权重衰减"
    )
    clip: float | None = setting(None, ge=0, en="largest gradient norm; 0 never clips", zh="梯度范数上限；0 表示不裁剪")

    eval_every: int | None = setting(
        None, ge=0, en="steps between validations; 0 never", zh="两次验证之间的步数；0 表示不验证"
    )
    early_stopping: int | None = setting(
        None,
        ge=0,
        en="validations without gain before stopping; 0 never stops",
        zh="多少次验证无改善后停止；0 表示不提前停止",
    )
    checkpoint_seconds: float = setting(60.0, ge=0, en="seconds between checkpoints", zh="两次检查点之间的秒数")

    mixture: dict[str, float] | None = setting(
        None,
        en="share of tokens per source file (its name without ending; * and ? match several), in any unit",
        zh="各来源文件的词元占比（文件名去后缀，可用 * 和 ? 匹配多个），单位任意",
    )
    replay: float | None = setting(
        None, ge=0, lt=1, en="share of general examples against forgetting", zh="为防遗忘而混入通用样本的比例"
    )
    replay_data: str | None = setting(
        None,
        en="file of the general examples (JSONL of records); the base's own, else the shipped ones, when left out",
        zh="通用样本文件（每行一条记录的 JSONL）；不填则用基座自带的，没有则用内置的",
    )
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto", en="number format of the computation", zh="计算精度"
    )
    gradient_checkpointing: bool = setting(
        False, en="compute activations twice to hold fewer in memory", zh="用重算换内存（梯度检查点）"
    )
    general: str = setting(
        "shipped",
        en="general text whose bits per byte are told before and after: shipped, none, or a file",
        zh="训练前后各测一次每字节比特数的通用文本：shipped（内置）、none（不测）或文件路径",
    )
    stages: list[dict[str, Any]] | None = setting(
        None,
        en="settings of stages that run one after another, each from what the one before made",
        zh="依次执行的多个阶段各自的设置，每个阶段从上一阶段的结果开始",
    )
    seed: int = setting(0, ge=0, en="seed of order and new weights", zh="顺序与新权重的随机种子")

    @model_validator(mode="after")
    def _one_batch_size(self) -> TrainRecipe:
        if self.batch is not None and self.batch_tokens is not None:
            raise ValueError("batch or batch_tokens, not both")
        return self

    @model_validator(mode="after")
    def _stages_are_recipes(self) -> TrainRecipe:
        if self.stages is not None and not self.stages:
            raise ValueError("stages holds none")
        for number, stage in enumerate(self.stages or (), start=1):
            of_the_run = sorted(COMMON & set(stage))
            if of_the_run:
                raise ValueError(f"stage {number} says {of_the_run[0]}, which is the same for the whole run")
        return self

    def stage_recipes(self) -> list[TrainRecipe]:
        """One recipe per stage: the settings of all with those of the stage on top; itself where there are none.

        Raises `SettingError` at the stage whose settings are wrong.
        """
        if self.stages is None:
            return [self]
        shared = self.model_dump(exclude_unset=True, exclude={"stages"})
        return [
            read(TrainRecipe, {**shared, **stage}, path=f"train.stages.{number}")
            for number, stage in enumerate(self.stages, start=1)
        ]


@dataclass(frozen=True)
class Resolved:
    """A recipe without gaps; `origins` says where each value is from: `recipe`, `default`, or the reason.

    Of a run in stages, `recipe` is what was given and `stages` hold the values.  `foreseen` are estimates of memory
    and time, where they were made before a run; they are not kept.
    """

    recipe: TrainRecipe
    origins: Mapping[str, str | Words]
    stages: tuple[Resolved, ...] = ()
    foreseen: tuple[Words, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the run's and the model's row."""
        values = self.recipe.model_dump(mode="json")
        origins = {key: one._asdict() if isinstance(one, Words) else one for key, one in self.origins.items()}
        stages = {"stages": [stage.as_dict() for stage in self.stages]} if self.stages else {}
        return {"train": values, "origins": origins, **stages}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Resolved:
        """What `as_dict` gave: a run that goes on keeps the values that it began with."""
        origins = {key: Words(**one) if isinstance(one, dict) else one for key, one in data["origins"].items()}
        stages = tuple(cls.from_dict(stage) for stage in data.get("stages", ()))
        return cls(read(TrainRecipe, data["train"]), origins, stages)

    def as_yaml(self) -> str:
        """A recipe file that repeats the run: every key with its value, the origin as a comment behind it."""
        lines = ["# Every value of this run; after # stands where it is from. Run it again with --recipe.", "train:"]
        if not self.stages:
            return "\n".join(lines + self._lines("  ", lambda key: True)) + "\n"
        lines += self._lines("  ", lambda key: key in COMMON and key != "stages")
        lines.append("  stages:")
        for stage in self.stages:
            own = stage._lines("      ", lambda key: key not in COMMON)
            lines += [f"    - {own[0].strip()}", *own[1:]]
        return "\n".join(lines) + "\n"

    def _lines(self, indent: str, wanted: Callable[[str], bool]) -> list[str]:
        lines = []
        for key, value in self.recipe.model_dump(mode="json").items():
            if not wanted(key):
                continue
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
            text = text.removesuffix("\n").removesuffix("...").rstrip()
            inner = [f"{name}: {why}" for name, why in self.origins.items() if name.startswith(f"{key}.")]
            lines.append(f"{indent}{key}: {text}  # {'; '.join([str(self.origins[key]), *inner])}")
        return lines
