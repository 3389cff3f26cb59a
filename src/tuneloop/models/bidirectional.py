"""Which models are encoders: they read a text in both directions and write none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENCODERS = frozenset({
    "albert", "bert", "camembert", "convbert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "eurobert",
    "ibert", "megatron-bert", "mobilebert", "modernbert", "mpnet", "nomic_bert", "rembert", "roberta",
    "roberta-prelayernorm", "roc_bert", "roformer", "squeezebert", "xlm-roberta", "xlm-roberta-xl",
})  # fmt: skip
"""Values of `model_type` that transformers' AutoModel runs as an encoder (5.23)."""


def is_encoder(settings: Mapping[str, Any]) -> bool:
    """Whether a `config.json` describes an encoder; one that was made into a decoder (`is_decoder`) is none."""
    causal = any(str(name).endswith(("LMHeadModel", "ForCausalLM")) for name in settings.get("architectures") or ())
    return settings.get("model_type") in ENCODERS and not settings.get("is_decoder") and not causal
