from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like, read_rope, sliding_layers
from tuneloop.models.family import Family
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Gemma3Text(Family):
    """Gemma 3's text models (270M, 1B): Gemma 2 without caps, with a norm per head, and five layers with a window and
    a rotation of their own to each layer that sees all."""

    title: ClassVar[Words] = Words("Gemma 3 (text)", "Gemma 3（文本）")
    help: ClassVar[Words] = Words(
        "Gemma 2 with head norms and two rotations instead of caps.", "Gemma 2 去掉软截断，加每头归一化与两种旋转基数。"
    )
    architecture: ClassVar[str] = "Gemma3ForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset(
        {
            "attention_bias",
            "query_pre_attn_scalar",
            "sliding_window",
            "layer_types",
            "rope_local_base_freq",
            "sliding_window_pattern",
            "_sliding_window_pattern",
            "attn_logit_softcapping",
            "final_logit_softcapping",
        }
    )
    fixed: ClassVar[dict[str, tuple[Any, ...]]] = {
        "hidden_act": ("gelu_pytorch_tanh",),
        "hidden_activation": ("gelu_pytorch_tanh",),
        "use_bidirectional_attention": (None, False),
    }
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": True,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 131072,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "rope_theta": 1_000_000.0,
    }

    def shape(self, config: Config) -> Shape:
        bias, head_dim = bool(config.get("attention_bias")), int(config["head_dim"])
        every = config.get("sliding_window_pattern") or config.get("_sliding_window_pattern") or 6
        layers = range(1, config["num_hidden_layers"] + 1)
        kinds = ["full_attention" if index % every == 0 else "sliding_attention" for index in layers]
        # the local layers' rotation is never scaled: `rope_scaling` is for the ones that see all
        local = {**config, "rope_theta": config.get("rope_local_base_freq") or 10_000.0, "rope_scaling": None}
        return llama_like(
            "gemma3_text",
            config,
            activation="gelu_tanh",
            norm_offset=1.0,
            after_norm=True,
            head_norm=True,
            embed_scale=config["hidden_size"] ** 0.5,
            qkv_bias=bias,
            o_bias=bias,
            windows=sliding_layers(config, config["sliding_window"], kinds),
            score_scale=config["query_pre_attn_scalar"] ** -0.5,
            score_cap=config.get("attn_logit_softcapping"),
            logit_cap=config.get("final_logit_softcapping"),
            rope=read_rope(config, head_dim, kind_of_layer="full_attention"),
            local_rope=read_rope(local, head_dim, kind_of_layer="sliding_attention"),
        )

    def norms(self, shape: Shape) -> list[tuple[str, str]]:
        return [
            ("input_layernorm", "norm1"),
            ("post_attention_layernorm", "norm1_after"),
            ("pre_feedforward_layernorm", "norm2"),
            ("post_feedforward_layernorm", "norm2_after"),
        ]
