from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like, qwen_windows
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Qwen2(Family):
    """Qwen 2 and 2.5: Llama's layers with a bias on queries, keys and values."""

    title: ClassVar[Words] = Words("Qwen 2, Qwen 2.5", "Qwen 2、Qwen 2.5")
    help: ClassVar[Words] = Words(
        "Llama's layers with biased attention inputs.", "与 Llama 相同的层，注意力输入带偏置。"
    )
    architecture: ClassVar[str] = "Qwen2ForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset(
        {"use_sliding_window", "sliding_window", "max_window_layers", "layer_types"}
    )
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 32768,
        "num_key_value_heads": 32,
        "sliding_window": 4096,
        "max_window_layers": 28,
    }

    def shape(self, config: Config) -> Shape:
        return llama_like("qwen2", config, qkv_bias=True, windows=qwen_windows(config))
