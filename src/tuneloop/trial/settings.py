"""What a person may say about a trial."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from tuneloop.config import Settings, setting


class TrialSettings(Settings):
    against: str = setting(
        "base",
        en="what it is compared with: base (not tuned at all), or another dataset version",
        zh="比较对象：base（未微调的基座），或另一个数据集版本",
    )
    without: str | None = setting(
        None,
        en="compare with the version itself without a part: tag:refunds or source:faq.jsonl",
        zh="与去掉一部分后的自己比较：如 tag:退款 或 source:faq.jsonl",
    )
    test: str | None = setting(
        None,
        en="version whose held-out records decide; its own when left out",
        zh="用哪个版本的测试集判定；不填用自己的",
    )
    base: str = setting("starter", en="the model that is tuned", zh="用于试训的基座模型")
    steps: int = setting(60, ge=1, le=10_000, en="optimizer steps of each run", zh="每次试训的步数")
    rows: int = setting(480, ge=2, en="training records at most", zh="最多使用的训练记录数")
    test_rows: int = setting(200, ge=1, en="held-out records at most", zh="最多使用的测试记录数")
    seeds: int = setting(
        1, ge=1, le=20, en="runs of each side, each with a seed of its own", zh="每一方训练几次，各用一个种子"
    )
    control: bool = setting(
        True,
        en="against the base: also train on the same rows with their answers exchanged",
        zh="与基座比较时，另用打乱回答的同一批数据训练一次作对照",
    )
    seed: int = setting(0, ge=0, en="seed of draws and training", zh="抽样与训练的随机种子")
    train: dict[str, Any] = setting({}, en="settings of training, as in a recipe", zh="训练设置，写法同配方")

    @model_validator(mode="after")
    def _one_other(self) -> TrialSettings:
        if self.without is not None:
            if self.against != "base":
                raise ValueError("against or without, not both")
            by, colon, value = self.without.partition(":")
            if by not in ("tag", "source") or not colon or not value:
                raise ValueError(f"without is {self.without!r}; expected tag:NAME or source:NAME")
        return self
