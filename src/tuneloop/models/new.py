"""A new model with random weights: the base of `base: {new: …}` in a recipe."""

from __future__ import annotations

import math
from typing import Any

import torch

from tuneloop.config import Settings, setting
from tuneloop.models.decoder import Decoder
from tuneloop.models.family import read_shape
from tuneloop.models.fast import FastModel
from tuneloop.models.loading import as_dtype
from tuneloop.models.tokenizer import Tokenizer
from tuneloop.wording import Words


class NewModel(Settings):
    """The size of a model to be made; the vocabulary comes with the tokenizer."""

    family: str = setting("qwen3", en="Family whose layers it has: qwen3, llama, …", zh="所属架构：qwen3、llama 等")
    hidden: int = setting(256, en="Width of the residual stream.", zh="隐藏层宽度", ge=8)
    layers: int = setting(6, en="Number of layers.", zh="层数", ge=1)
    heads: int = setting(4, en="Query heads.", zh="查询头数", ge=1)
    kv_heads: int = setting(
        2, en="Key and value heads; must divide the query heads.", zh="键值头数，须整除查询头数", ge=1
    )
    head_dim: int = setting(64, en="Size of a head.", zh="每个头的维度", ge=2, multiple_of=2)
    intermediate: int = setting(704, en="Width of the MLP.", zh="前馈层宽度", ge=8)
    max_positions: int = setting(1024, en="Longest text, in tokens.", zh="最大长度（token 数）", ge=16)
    rope_theta: float = setting(10000.0, en="Base of the rotary positions.", zh="旋转位置编码的基数", gt=1)
    tied: bool = setting(True, en="Use the embedding as output matrix too.", zh="输出矩阵与词嵌入共用")
    seed: int = setting(0, en="Seed of the random weights.", zh="随机权重的种子")


def create(spec: NewModel, tokenizer: Tokenizer, dtype: str | torch.dtype | None = None) -> FastModel:
    """Weights as usual for this size: normal with deviation 0.02, output projections smaller by sqrt(2 · layers)."""
    settings = _settings(spec, tokenizer)
    family, shape = read_shape(settings)
    module = Decoder(shape, torch.float32)
    _initialize(module, spec)
    why = Words("A new model with random weights, run by our own decoder.", "随机初始化的新模型，由内置解码器运行。")
    return FastModel(
        family, module.to(as_dtype(dtype)), settings=settings, tokenizer=tokenizer, why=why, reference="new"
    )


def _settings(spec: NewModel, tokenizer: Tokenizer) -> dict[str, Any]:
    from tuneloop.models.family import families

    settings = {
        "architectures": [families.load(spec.family).architecture],
        "model_type": spec.family,
        "vocab_size": tokenizer.size,
        "hidden_size": spec.hidden,
        "intermediate_size": spec.intermediate,
        "num_hidden_layers": spec.layers,
        "num_attention_heads": spec.heads,
        "num_key_value_heads": spec.kv_heads,
        "head_dim": spec.head_dim,
        "max_position_embeddings": spec.max_positions,
        "rms_norm_eps": 1e-6,
        "rope_theta": spec.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": spec.rope_theta},
        "tie_word_embeddings": spec.tied,
        "hidden_act": "silu",
        "bos_token_id": tokenizer.bos,
        "eos_token_id": tokenizer.eos,
        "pad_token_id": tokenizer.pad,
    }
    if spec.family in ("llama", "qwen3"):
        settings["attention_bias"] = False
    return settings


def _initialize(module: Decoder, spec: NewModel) -> None:
    generator = torch.Generator().manual_seed(spec.seed)
    shrink = 1 / math.sqrt(2 * spec.layers)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            last = name.rpartition(".")[2]
            if "norm" in last:
                parameter.fill_(1.0 - module.shape.norm_offset)
            elif last.endswith("_bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, 0.02 * (shrink if last in ("o", "down") else 1.0), generator=generator)
