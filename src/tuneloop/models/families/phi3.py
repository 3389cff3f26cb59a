from __future__ import annotations

from typing import Any, ClassVar

from tuneloop.models.config_keys import Config
from tuneloop.models.config_reading import llama_like, read_rope
from tuneloop.models.family import Family, Slot
from tuneloop.models.shape import Shape
from tuneloop.wording import Words


class Phi3(Family):
    """Phi-3, Phi-3.5 mini and Phi-4: Llama's layers whose files hold fused projections; longrope in the long variants,
    a part of each head rotated in Phi-4 mini."""

    title: ClassVar[Words] = Words("Phi-3, Phi-4", "Phi-3、Phi-4")
    help: ClassVar[Words] = Words("Llama's layers with fused projections.", "与 Llama 相同的层，投影矩阵合并存储。")
    architecture: ClassVar[str] = "Phi3ForCausalLM"
    keys: ClassVar[frozenset[str]] = frozenset({"sliding_window", "partial_rotary_factor"})
    fixed: ClassVar[dict[str, tuple[Any, ...]]] = {
        "attention_bias": (False,),
        "mlp_bias": (False,),
        "lm_head_bias": (False,),
        "full_attn_mod": (1,),
        "interpolate_factor": (1,),
    }
    defaults: ClassVar[dict[str, Any]] = {
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-5,
        "max_position_embeddings": 4096,
        "original_max_position_embeddings": 4096,
        "sliding_window": None,
    }

    def shape(self, config: Config) -> Shape:
        head_dim = config["hidden_size"] // config["num_attention_heads"]
        part = (config.get("rope_parameters") or {}).get("partial_rotary_factor") or config.get("partial_rotary_factor")
        window = config["sliding_window"]
        return llama_like(
            "phi3",
            config,
            rope=read_rope(config, head_dim, part=part or 1.0),
            windows=(window,) * config["num_hidden_layers"] if window else (),
        )

    def layer_slots(self, shape: Shape, file: str, ours: str) -> list[Slot]:
        weights = {
            "self_attn.qkv_proj": ("qkv", shape.q_rows + 2 * shape.kv_rows),
            "self_attn.o_proj": ("o", shape.hidden),
            "mlp.gate_up_proj": ("gate_up", 2 * shape.intermediate),
            "mlp.down_proj": ("down", shape.hidden),
            "input_layernorm": ("norm1", shape.hidden),
            "post_attention_layernorm": ("norm2", shape.hidden),
        }
        return [Slot(f"{file}.{name}.weight", f"{ours}.{held}", 0, rows) for name, (held, rows) in weights.items()]
