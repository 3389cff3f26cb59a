from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Gemma(Family):
    """Gemma 1: norm weights stored minus one, embeddings scaled by the root of their width, GeGLU, heads of 256."""

    title: ClassVar[Words] = Words("Gemma", "Gemma")
    help: ClassVar[Words] = Words(
        "Norms of 1 + w, scaled embeddings, GeGLU.", "归一化权重为 1 + w，词嵌入带缩放，使用 GeGLU。"
    )
    architecture: ClassVar[str] = "GemmaForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset({"attention_bias"})
    # "gelu" stands in the first files, and transformers reads it as the tanh form
    fixed: ClassVar[dict[str, tuple[Any, ...]]] = {
        "hidden_act": ("gelu", "gelu_pytorch_tanh"),
        "hidden_activation": (None, "gelu_pytorch_tanh"),
        "use_bidirectional_attention": (None, False),
    }
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": True,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 8192,
        "num_key_value_heads": 16,
        "head_dim": 256,
    }

    def shape(self, config: Config) -> Shape:
        bias = bool(config.get("attention_bias"))
        return llama_like(
            "gemma",
            config,
            activation="gelu_tanh",
            norm_offset=1.0,
            embed_scale=config["hidden_size"] ** 0.5,
            qkv_bias=bias,
            o_bias=bias,
        )
