"""What a person may say about a conversation."""

from __future__ import annotations

from tuneloop.config import Settings, setting


class ChatRecipe(Settings):
    """The `chat:` part of a recipe file."""

    system: str | None = setting(None, en="said before the first question", zh="系统提示词，在第一个问题之前给出")
    max_tokens: int = setting(256, ge=1, en="tokens per answer at most", zh="每个回答的最大词元数")
    temperature: float = setting(
        0.0, ge=0, en="0 always takes the most likely token; above, it is drawn", zh="采样温度；0 表示贪心解码"
    )
    seed: int = setting(0, ge=0, en="seed of what is drawn", zh="采样的随机种子")
