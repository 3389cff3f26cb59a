from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Mistral(Family):
    """Mistral 7B and its text-only successors: Llama's layers; the first generation attends within a window."""

    title: ClassVar[Words] = Words("Mistral", "Mistral")
    help: ClassVar[Words] = Words(
        "Llama's layers with a sliding window in the first generation.", "与 Llama 相同的层，第一代带滑动窗口。"
    )
    architecture: ClassVar[str] = "MistralForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset({"sliding_window"})
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 4096 * 32,
        "num_key_value_heads": 8,
        "sliding_window": 4096,
    }

    def shape(self, config: Config) -> Shape:
        window = config["sliding_window"]
        return llama_like("mistral", config, windows=(window,) * config["num_hidden_layers"] if window else ())
