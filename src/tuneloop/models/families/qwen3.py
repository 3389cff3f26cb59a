from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like, qwen_windows
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Qwen3(Family):
    """Qwen 3 (dense): a norm on every query and key head before the rotation, head size apart from hidden size."""

    title: ClassVar[Words] = Words("Qwen 3", "Qwen 3")
    help: ClassVar[Words] = Words(
        "Llama's layers with a norm per query and key head.", "与 Llama 相同的层，查询头与键头各带归一化。"
    )
    architecture: ClassVar[str] = "Qwen3ForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset(
        {"attention_bias", "use_sliding_window", "sliding_window", "max_window_layers", "layer_types"}
    )
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 32768,
        "num_key_value_heads": 32,
        "head_dim": 128,
        "sliding_window": 4096,
        "max_window_layers": 28,
    }

    def shape(self, config: Config) -> Shape:
        bias = bool(config.get("attention_bias"))
        return llama_like("qwen3", config, head_norm=True, qkv_bias=bias, o_bias=bias, windows=qwen_windows(config))
