"""What a person may say about an evaluation."""

from __future__ import annotations

from typing import Any, Literal

from tuneloop.config import Settings, setting

Spec = str | dict[str, Any]


class EvaluateRecipe(Settings):
    """The `evaluate:` part of a recipe file."""

    metrics: tuple[Spec, ...] = setting(
        ("contains", "exact_match", "char_f1", "rouge_l"),
        min_length=1,
        en="text metrics; the first one leads the report",
        zh="文本指标；报告以第一项为主",
    )
    data: str | None = setting(
        None,
        en="dataset version with the questions; the one that the model was trained on when left out",
        zh="提问所用的数据集版本；不填则用训练该模型的版本",
    )
    split: Literal["auto", "test", "validation", "train"] = setting(
        "auto",
        en="which records to ask; auto: the test split, or the train split where nothing was held out",
        zh="用哪一部分记录提问；auto 表示测试集，没有留出数据时用训练集",
    )
    max_questions: int = setting(
        100, ge=1, en="questions asked at most, drawn with the seed", zh="最多提问的条数，按种子抽取"
    )
    max_records: int = setting(
        1000,
        ge=1,
        en="records measured at most for the loss, drawn with the seed",
        zh="计算损失的最多记录数，按种子抽取",
    )
    max_tokens: int = setting(128, ge=1, en="tokens per answer at most", zh="每个回答的最大词元数")
    seed: int = setting(0, ge=0, en="seed of the draw and of the intervals", zh="抽样与置信区间的随机种子")
