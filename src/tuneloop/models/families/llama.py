from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Llama(Family):
    """Llama 1 to 3 and the many models that copy its layers (SmolLM, TinyLlama, Yi, …)."""

    title: ClassVar[Words] = Words("Llama", "Llama")
    help: ClassVar[Words] = Words(
        "RMSNorm, rotary positions, SwiGLU, grouped key heads.", "RMSNorm、旋转位置编码、SwiGLU、分组键值头。"
    )
    architecture: ClassVar[str] = "LlamaForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset({"attention_bias", "mlp_bias"})
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 2048,
    }

    def shape(self, config: Config) -> Shape:
        bias = bool(config.get("attention_bias"))
        return llama_like("llama", config, qkv_bias=bias, o_bias=bias, mlp_bias=bool(config.get("mlp_bias")))
