from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like, sliding_layers
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Gemma2(Family):
    """Gemma 2: Gemma with norms behind attention and MLP too, soft caps on scores and logits, and a window in every
    other layer."""

    title: ClassVar[Words] = Words("Gemma 2", "Gemma 2")
    help: ClassVar[Words] = Words(
        "Gemma with soft caps, norms on both sides and alternating windows.",
        "Gemma 加软截断、前后归一化与交替的滑动窗口。",
    )
    architecture: ClassVar[str] = "Gemma2ForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset(
        {
            "attention_bias",
            "query_pre_attn_scalar",
            "sliding_window",
            "layer_types",
            "attn_logit_softcapping",
            "final_logit_softcapping",
        }
    )
    fixed: ClassVar[dict[str, tuple[Any, ...]]] = {
        "hidden_act": ("gelu_pytorch_tanh",),
        "hidden_activation": (None, "gelu_pytorch_tanh"),
        "use_bidirectional_attention": (None, False),
    }
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": True,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 8192,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
    }

    def shape(self, config: Config) -> Shape:
        bias = bool(config.get("attention_bias"))
        kinds = [
            ("full_attention", "sliding_attention")[index % 2 == 0] for index in range(config["num_hidden_layers"])
        ]
        return llama_like(
            "gemma2",
            config,
            activation="gelu_tanh",
            norm_offset=1.0,
            after_norm=True,
            embed_scale=config["hidden_size"] ** 0.5,
            qkv_bias=bias,
            o_bias=bias,
            windows=sliding_layers(config, config["sliding_window"], kinds),
            score_scale=config["query_pre_attn_scalar"] ** -0.5,
            score_cap=config["attn_logit_softcapping"],
            logit_cap=config["final_logit_softcapping"],
        )

    def norms(self, shape: Shape) -> list[tuple[str, str]]:
        return [
            ("input_layernorm", "norm1"),
            ("post_attention_layernorm", "norm1_after"),
            ("pre_feedforward_layernorm", "norm2"),
            ("post_feedforward_layernorm", "norm2_after"),
        ]
