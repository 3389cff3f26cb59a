"""What objectives share that learn from rewards for answers of the model's own: settings, and rounds of rollouts.

round    `batch` questions → `samples` answers each → rewards → `passes` optimizer steps on them
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tuneloop.config import setting
from tuneloop.records import Record
from tuneloop.train.defaults import Derived, Facts
from tuneloop.train.objective import Encoded, Objective
from tuneloop.train.prompts import encode_question
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.memory import Work
    from tuneloop.train.recipe import TrainRecipe


class Reinforcement(Objective):
    """The answer that a dialogue ends with is not learned: it is the reference that rewards may compare with."""

    rewards: list[str | dict[str, Any]] = setting(
        en="metrics and judges that score an answer, each a name or {name: …, weight: …, settings}",
        zh="给回答打分的指标与评审：名称，或 {name: …, weight: …, 其他设置}",
        min_length=1,
    )
    samples: int = setting(8, ge=1, en="answers written to each question", zh="每个问题生成的回答数")
    max_tokens: int = setting(128, ge=1, en="tokens of an answer at most", zh="单个回答的最大词元数")
    temperature: float = setting(1.0, gt=0, le=10, en="temperature of the answers", zh="生成回答的温度")
    top_p: float = setting(1.0, gt=0, le=1, en="nucleus that answers are drawn from", zh="生成回答的核采样范围")
    top_k: int = setting(
        0, ge=0, en="likeliest tokens that answers are drawn from; 0: all", zh="候选词元数，0 表示全部"
    )
    eval_samples: int | None = setting(
        None,
        ge=1,
        le=256,
        en="answers drawn to each held-out question when validating; one greedy answer when left out",
        zh="验证时对每个留出问题采样的回答数；不填则只取一个贪心回答",
    )
    show: int = setting(
        3, ge=0, en="answers kept in samples.jsonl at a time, for reading", zh="每次写入 samples.jsonl 供阅读的回答数"
    )
    show_every: int | None = setting(
        None,
        ge=1,
        en="rounds between them; a twentieth of the run when left out",
        zh="间隔轮数；不填则为总轮数的二十分之一",
    )

    @property
    @abstractmethod
    def compares(self) -> bool:
        """Whether the model that the run starts from is asked throughout."""

    @property
    @abstractmethod
    def passes(self) -> int:
        """Optimizer steps on the answers of one round."""

    def defaults(self, facts: Facts) -> Mapping[str, Derived]:
        return {
            "replay": Derived(0.0, Words("a reward knows nothing of general examples", "奖励无法评价通用样本")),
            "schedule": Derived(
                "constant", Words("answers keep changing, so the rate does not", "回答不断变化，步长保持不变")
            ),
            "early_stopping": Derived(
                0, Words("rewards are noisy; the best weights are kept", "奖励有噪声；保留最佳权重")
            ),
        }

    def work(self, plain: Work, recipe: TrainRecipe) -> Work:
        """All answers of a step are written side by side, and trained on behind their questions."""
        longest = plain.longest + self.max_tokens
        rollouts = (recipe.batch or 1) * self.samples
        tokens = max(longest, min(recipe.micro_tokens or 0, rollouts * longest))
        share = self.max_tokens / longest
        return replace(
            plain,
            tokens=tokens,
            longest=longest,
            targets=share,
            reference="copy" if self.compares else "none",
            rollouts=rollouts,
            rollout_tokens=longest,
        )

    def encode(self, record: Record, lm: LanguageModel, limit: int) -> Encoded:
        return encode_question(record, lm, limit, self.max_tokens)
