"""Keys of `config.json` that are understood whatever the family, and the error for those that are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuneloop.wording import Words

Config = Mapping[str, Any]

SIZES = frozenset(
    {
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "max_position_embeddings",
        "rms_norm_eps",
        "tie_word_embeddings",
        "hidden_act",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "original_max_position_embeddings",
    }
)
HARMLESS = frozenset(
    {
        "architectures",
        "model_type",
        "dtype",
        "torch_dtype",
        "transformers_version",
        "use_cache",
        "initializer_range",
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
        "unk_token_id",
        "sep_token_id",
        "decoder_start_token_id",
        "_name_or_path",
        "_attn_implementation",
        "attn_implementation",
        "_attn_implementation_autoset",
        "_commit_hash",
        "id2label",
        "label2id",
        "problem_type",
        "return_dict",
        "output_attentions",
        "output_hidden_states",
        "torchscript",
        "use_bfloat16",
        "is_decoder",
        "is_encoder_decoder",
        "cache_implementation",
        "task_specific_params",
        "unsloth_fixed",
        "unsloth_version",
        "keys_to_ignore_at_inference",
        "auto_map",
        "chunk_size_feed_forward",
        "prefix",
        "tokenizer_class",
        "gradient_checkpointing",
    }
)
"""Keys that say nothing about what the layers compute (token ids are the tokenizer's and generation's business)."""

FIXED: Mapping[str, tuple[Any, ...]] = {
    "hidden_act": ("silu", "swish"),
    "attention_dropout": (0, None),
    "resid_pdrop": (0, None),
    "embd_pdrop": (0, None),
    "pretraining_tp": (1, None),
    "add_cross_attention": (False, None),
    "is_encoder_decoder": (False, None),
}
"""Keys that may stand in a config with these values only."""


class PlainNeeded(Exception):
    """The decoder cannot be this model; the words say which key or value is the reason."""

    def __init__(self, why: Words) -> None:
        super().__init__(why.en)
        self.why = why
